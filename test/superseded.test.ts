import { afterEach, describe, expect, it } from "vitest";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

describe("an image that is older than what is live", () => {
  it("is recorded as superseded when it is pushed, and runs nothing", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const live = await world.release("bbbbbbb");
    const before = world.events.length;
    const id = await world.release("ccccccc", { sequence: 1 });
    expect(await world.ended(id)).toMatchObject({
      outcome: "Superseded",
      reason: `older (1) than what is live: production runs ${live} (2)`,
      commit: "ccccccc",
    });
    expect(world.events.slice(before).filter(({ source }) => source === "aws.codebuild")).toEqual([]);
    expect(world.serving()).toBe("bbbbbbb");
    expect(await world.clock.runUntil(world.records.openReleases())).toEqual([]);
  });

  it("is refused to a person, who is told how to go back", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    await world.release("bbbbbbb");
    const execution = await world.start({ service: "web", tag: "aaaaaaa" });
    expect(execution).toMatchObject({ status: "FAILED", error: "Rejected" });
    expect(execution.cause).toContain("OlderThanLive");
    expect(execution.cause).toContain('{"intent":"rollback","service":"web","environment":"production"}');
    expect(world.serving()).toBe("bbbbbbb");
  });
});
