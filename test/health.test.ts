import { afterEach, describe, expect, it } from "vitest";
import { exampleWith } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const quick = { intervalSeconds: 1, consecutiveSuccesses: 2 };

const deploymentOf = async (id: string) =>
  (await world.clock.runUntil(world.records.deployments(id))).find(
    ({ environment }) => environment === "production",
  );

describe("health, as an environment's rules judge it", () => {
  it("rolls back when another commit answers than the one deployed, and says both", async () => {
    world = await createWorld(1, exampleWith({ health: { ...quick, commitMember: "commit" } }));
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { healthBody: '{"commit":"ccccccc"}' });
    expect(await deploymentOf(id)).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining('answered by commit "ccccccc", not by bbbbbbb'),
    });
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("rolls back what answers too slowly", async () => {
    world = await createWorld(1, exampleWith({ health: { ...quick, maximumLatencyMilliseconds: 500 } }));
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { healthSeconds: 2 });
    expect(await deploymentOf(id)).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("after 2000 ms; 500 ms are allowed"),
    });
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("keeps the looks of every verdict, and the one before the service was replaced", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { healthStatus: 503 });
    const deployment = await deploymentOf(id);
    expect(deployment?.healthBefore).toMatchObject({ answered: true, status: 200 });
    expect(deployment?.health?.map(({ phase, verdict }) => `${phase} ${verdict}`)).toEqual([
      "deployed unhealthy",
      "restored healthy",
    ]);
    expect(deployment?.health?.[0]?.state.recent.map(({ status }) => status)).toEqual([503, 503, 503]);
  });

  it("leaves to a person what could not be told", async () => {
    world = await createWorld(1, exampleWith({ health: { ...quick, deadlineSeconds: 10 } }));
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { unreachable: true });
    expect(await deploymentOf(id)).toMatchObject({
      outcome: "NeedsAttention",
      reason: expect.stringContaining("HealthInconclusive"),
    });
    expect(world.serving()).toBe("bbbbbbb");
    expect((await world.clock.runUntil(world.records.environment("web", "production"))).frozen).toBeDefined();
  });
});
