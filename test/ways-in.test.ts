import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settingConfig } from "./simulation/setting.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
let first: string;
beforeEach(async () => {
  world = await createWorld();
  first = await world.release("aaaaaaa");
});
afterEach(() => world.close());

/** The second attempt at the image that was pushed, once it has ended. */
async function secondAttempt() {
  const id = first.replace(/-1$/, "-2");
  for (let minute = 0; minute < 60; minute++) {
    await world.clock.advance(60_000);
    const release = await world.clock.runUntil(world.records.release(id));
    if (release?.outcome !== undefined) return release;
  }
  return undefined;
}

/** A client's first request loads parts of the SDK, which the virtual clock cannot see by itself. */
const ask = <Answer>(answer: Promise<Answer>) => world.clock.runUntil(world.clock.busy(answer, "a request"));

function requestRelease() {
  return ask(
    new EventBridgeClient(world.connection.client).send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: world.made.bus,
            Source: "example.chat",
            DetailType: "Release Requested",
            Detail: JSON.stringify({ service: "web", tag: "aaaaaaa" }),
          },
        ],
      }),
    ),
  );
}

describe("a release begins", () => {
  it("with the push of an image", async () => {
    expect(await world.clock.runUntil(world.records.release(first))).toMatchObject({
      outcome: "Released",
      trigger: "push",
    });
  });

  it("with an execution that a person starts", async () => {
    await ask(
      new SFNClient(world.connection.client).send(
        new StartExecutionCommand({
          stateMachineArn: world.made.machines.ReleaseMachine,
          input: JSON.stringify({ service: "web", tag: "aaaaaaa" }),
        }),
      ),
    );
    expect(await secondAttempt()).toMatchObject({
      outcome: "Released",
      trigger: "console",
      commit: "aaaaaaa",
    });
  });

  it("with a tag that there is, or says what to do", async () => {
    const { cause } = await world.start({ service: "web", tag: "nope" });
    expect(cause).toBe(
      "ImageNotFound: ECR has no image web:nope; push it, or choose one that is there: aws ecr list-images --repository-name web",
    );
  });

  it("with an event of another system", async () => {
    expect((await requestRelease()).FailedEntryCount).toBe(0);
    expect(await secondAttempt()).toMatchObject({ outcome: "Released", trigger: "event", commit: "aaaaaaa" });
  });
});

describe("the same image, however often it is told of,", () => {
  const again = (id: string, attempt: number) => id.replace(/-1$/, `-${attempt}`);
  const attempt = (number: number) => world.clock.runUntil(world.records.release(again(first, number)));
  const pushes = () =>
    world.events.filter(
      ({ detail }) => detail["action-type"] === "PUSH" && detail["repository-name"] === "web",
    );
  const settled = async () => {
    await world.clock.runUntil(world.aws.eventBridge.idle());
    await world.clock.advance(600_000);
  };

  it("is one release under two tags, and after it was pushed again", async () => {
    const [push] = pushes();
    if (push === undefined) throw new Error("the push was told");
    for (const tag of ["latest", "aaaaaaa"])
      world.aws.eventBridge.putServiceEvent({ ...push, detail: { ...push.detail, "image-tag": tag } });
    await settled();
    expect(await attempt(2)).toBeUndefined();
    expect(await world.clock.runUntil(world.records.openReleases())).toEqual([]);
  });

  it("is one release of two that persons start at once; the other says which", async () => {
    const states = new SFNClient(world.connection.client);
    const start = () =>
      states.send(
        new StartExecutionCommand({
          stateMachineArn: world.made.machines.ReleaseMachine,
          input: JSON.stringify({ service: "web", tag: "aaaaaaa" }),
        }),
      );
    const both = await ask(Promise.all([start(), start()]));
    const second = await secondAttempt();
    expect(second?.outcome).toBe("Released");
    expect(await attempt(3)).toBeUndefined();
    const ends = both.map(({ executionArn }) =>
      world.events.findLast(
        ({ detail }) => detail.executionArn === executionArn && detail.status !== "RUNNING",
      ),
    );
    const outputs = ends.map((end) => String(end?.detail.output));
    expect(outputs.filter((output) => output.includes("is still open"))).toHaveLength(1);
  });

  it("is one release of an event that comes again when that has ended, as from an archive; the other says which", async () => {
    await requestRelease();
    const second = await secondAttempt();
    const { input = "" } = await ask(
      new SFNClient(world.connection.client).send(
        new DescribeExecutionCommand({ executionArn: second?.executionArn }),
      ),
    );
    const { output = "" } = await world.start({ ...JSON.parse(input), "replay-name": "yesterday" });
    expect(JSON.parse(output)).toMatchObject({
      outcome: "Duplicate",
      release: second?.id,
      reason: expect.stringMatching(`was heard before and opened ${second?.id}; to release its image again,`),
    });
    expect(await attempt(3)).toBeUndefined();
    await requestRelease();
    await settled();
    expect(await attempt(3)).toMatchObject({ outcome: "Released", trigger: "event" });
  });

  it("is released by an event that comes again, if its image was not there the first time", async () => {
    const event = { id: "1", source: "example.chat", "detail-type": "Release Requested" };
    const asked = { ...event, detail: { service: "web", tag: "bbbbbbb" } };
    expect(await world.start(asked)).toMatchObject({ error: "Rejected" });
    await world.release("bbbbbbb");
    const { output = "" } = await world.start(asked);
    expect(JSON.parse(output)).toMatchObject({ outcome: "Released" });
  });

  it("told of late, after a newer one is live, changes nothing", async () => {
    await world.release("bbbbbbb");
    const [push] = pushes();
    if (push !== undefined) world.aws.eventBridge.putServiceEvent(push);
    await settled();
    expect(world.serving()).toBe("bbbbbbb");
    expect(await attempt(2)).toBeUndefined();
  });
});

describe("two images whose pushes are told of in the wrong order", () => {
  it("leave the newer one live", async () => {
    await world.push("ccccccc", { sequence: 9 });
    const older = await world.push("bbbbbbb", { sequence: 8 });
    await world.clock.advance(1_200_000);
    expect(world.serving()).toBe("ccccccc");
    const id = `web-${older.replace("sha256:", "").slice(0, 12)}-1`;
    expect(await world.ended(id)).toMatchObject({ outcome: "Superseded" });
  });
});

describe("the record of a release", () => {
  it("keeps the config of its own service alone, however many there are", async () => {
    await world.close();
    const services = ["web", "api"];
    world = await createWorld(1, settingConfig({ services, reverts: true, verifies: false, waves: "one" }));
    const id = await world.release("bbbbbbb");
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    const { config } = await world.clock.runUntil(world.records.installation());
    expect(release.outcome).toBe("Released");
    expect(Object.keys(config.services)).toEqual(services);
    expect(release.installation.config).toEqual({ ...config, services: { web: config.services.web } });
  });
});
