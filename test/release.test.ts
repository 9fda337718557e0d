import { afterEach, describe, expect, it } from "vitest";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

describe("a release, the whole way, under a virtual clock", () => {
  it("checks, migrates, deploys and says what is live", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    expect(release).toMatchObject({
      outcome: "Released",
      reason: "every environment is healthy",
      commit: "aaaaaaa",
    });
    expect(
      Object.values(release.evidence)
        .map(({ stage, passed }) => `${stage} ${passed}`)
        .toSorted(),
    ).toEqual(["integration-tests true", "security-scan true", "static-analysis true", "unit-tests true"]);
    const environment = await world.clock.runUntil(world.records.environment("web", "production"));
    expect(environment).toMatchObject({ live: { release: id, commit: "aaaaaaa", schema: "0001" }, fence: 1 });
    expect(environment.lease).toBeUndefined();
    expect(world.serving()).toBe("aaaaaaa");
    expect(await world.clock.runUntil(world.records.openWaits())).toEqual([]);
  });

  it("rolls back a release that App Runner finds unhealthy, and verifies what serves again", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { probeStatus: 500, healthStatus: 500 });
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    expect(release.outcome).toBe("RolledBack");
    expect(release.reason).toContain("TargetRolledBack");
    expect(world.serving()).toBe("aaaaaaa");
    expect((await world.clock.runUntil(world.records.environment("web", "production"))).live?.commit).toBe(
      "aaaaaaa",
    );
  });

  it("rolls back itself when only the world sees that it is unhealthy", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { healthStatus: 500 });
    expect(await world.clock.runUntil(world.records.requireRelease(id))).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("DeploymentUnhealthy"),
    });
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("touches nothing when a stage fails, and stops the builds still running", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const before = world.events.length;
    const id = await world.release("bbbbbbb", {
      stages: { "unit-tests": { passes: false }, "integration-tests": { seconds: 900 } },
    });
    expect(await world.clock.runUntil(world.records.requireRelease(id))).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("StageFailed"),
    });
    const later = world.events.slice(before);
    const stopped = later
      .filter(({ detail }) => detail["build-status"] === "STOPPED")
      .map(({ detail }) => detail["project-name"]);
    expect(stopped).toEqual(["spillway-web-integration-tests"]);
    expect(later.some(({ source }) => source === "aws.ecs" || source === "aws.apprunner")).toBe(false);
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("deploys nothing when the migration fails and leaves the schema as it was", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { migration: { exitCode: 1, after: "0002" } });
    expect(await world.clock.runUntil(world.records.requireRelease(id))).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("MigrationFailed"),
    });
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("makes one release of a push that is told twice", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    const push = world.events.find(({ detail }) => detail["repository-name"] === "web");
    if (push === undefined) throw new Error("the push was told");
    world.aws.eventBridge.putServiceEvent(push);
    await world.clock.runUntil(world.aws.eventBridge.idle());
    await world.clock.advance(60_000);
    expect(await world.clock.runUntil(world.records.release(id.replace(/-1$/, "-2")))).toBeUndefined();
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("gives a first deployment that fails to a person, without freezing the environment", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa", { crashesOnStart: true });
    expect((await world.clock.runUntil(world.records.requireRelease(id))).outcome).toBe("NeedsAttention");
    expect(
      (await world.clock.runUntil(world.records.environment("web", "production"))).frozen,
    ).toBeUndefined();
  });
});
