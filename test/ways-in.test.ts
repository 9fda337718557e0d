import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
    const { FailedEntryCount } = await ask(
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
    expect(FailedEntryCount).toBe(0);
    expect(await secondAttempt()).toMatchObject({ outcome: "Released", trigger: "event", commit: "aaaaaaa" });
  });
});
