import { RedriveExecutionCommand, SFNClient } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import { twoEnvironments } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const again = (id: string) => id.replace(/-1$/, "-2");
const buildsSince = (from: number) =>
  world.events
    .slice(from)
    .filter(({ detail }) => detail["build-status"] === "SUCCEEDED")
    .map(({ detail }) => String(detail["project-name"]).replace("spillway-web-", ""))
    .toSorted();

describe("a release that is resumed", () => {
  it("runs what did not pass, takes over what did, and goes on to the end under its own digest", async () => {
    world = await createWorld();
    const flaky = { passes: false, seconds: 60 };
    const id = await world.release("aaaaaaa", { stages: { "unit-tests": flaky } });
    const first = await world.ended(id);
    expect(first.outcome).toBe("Rejected");
    const passed = Object.values(first.evidence).filter((evidence) => evidence.passed);
    expect(passed.length).toBeGreaterThan(0);
    flaky.passes = true;
    const from = world.events.length;
    expect(await world.start({ resume: id, reason: "the test was flaky" })).toMatchObject({
      status: "SUCCEEDED",
    });
    const second = await world.ended(again(id));
    expect(second).toMatchObject({
      outcome: "Released",
      why: "the test was flaky",
      image: first.image,
      migrationImage: first.migrationImage,
      attempt: 2,
    });
    for (const { build, buildArn } of passed)
      expect(second.evidence[build]).toMatchObject({ buildArn, reusedFrom: id });
    expect(buildsSince(from)).not.toContain(passed[0]?.stage);
    expect(buildsSince(from)).toContain("unit-tests");
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await world.ended(id)).outcome).toBe("Rejected");
  });

  it("goes to the environments only that it has not reached", async () => {
    const config = twoEnvironments();
    const { web } = config.services;
    if (web !== undefined) web.waves = [["staging"], ["production"]];
    world = await createWorld(1, config);
    const frozen = { reason: "an incident", since: 0, release: "web-0" };
    await run(
      world.records.takeLease(
        await run(world.records.environment("web", "production")),
        { owner: "arn:a-person", release: "web-0", fence: 1, reason: "by hand", since: 0 },
        {},
      ),
    );
    await run(world.records.freeze("web", "production", frozen));
    const id = await world.release("aaaaaaa");
    expect((await world.ended(id)).outcome).toBe("Rejected");
    await run(
      world.records.recordLive(
        { service: "web", environment: "production", fence: 1 },
        { live: undefined, history: [], frozen: undefined },
      ),
    );
    const freed = { owner: "arn:a-person", release: "web-0", fence: 1, at: 0, reason: "by hand" };
    await run(world.records.releaseLease("web", "production", freed));
    await world.start({ resume: id });
    const second = await world.ended(again(id));
    expect(second).toMatchObject({ outcome: "Released", environments: ["production"] });
    expect((await run(world.records.deployments(second.id))).map(({ environment }) => environment)).toEqual([
      "production",
    ]);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });

  it.each([
    [{ resume: "web-nosuch-1" }, "ReleaseNotFound"],
    [{ resume: "web-nosuch-1", tag: "x" }, '{"resume":"web-3f2a91c0d4e5-1"}'],
  ])("is refused in words: %j", async (input, words) => {
    world = await createWorld();
    const { error, cause } = await world.start(input);
    expect(error).toBe("Rejected");
    expect(cause).toContain(words);
  });

  it("says so if there is nothing left to do", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    const { error, cause } = await world.start({ resume: id });
    expect(error).toBe("Rejected");
    expect(cause).toContain(`NothingToResume: ${id} is live in production`);
  });
});

describe("a release machine's execution that is redriven after its release was closed", () => {
  it("changes nothing", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { stages: { "unit-tests": { passes: false } } });
    const closed = await world.ended(id);
    await world.release("ccccccc");
    const from = world.events.length;
    const states = new SFNClient(world.connection.client);
    await run(states.send(new RedriveExecutionCommand({ executionArn: closed.executionArn })));
    await world.clock.advance(1_200_000);
    expect(await world.ended(id)).toEqual(closed);
    expect(world.events.slice(from).some(({ source }) => source === "aws.apprunner")).toBe(false);
    expect(await world.servingIn("production")).toBe("ccccccc");
  });
});
