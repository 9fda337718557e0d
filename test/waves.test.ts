import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../core/config.ts";
import { oneEnvironment } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

/** Two regions side by side, and production after both. */
function threeEnvironments(): ConfigInput {
  const config = oneEnvironment();
  const { web } = config.services;
  const production = web?.environments.production;
  if (web === undefined || production === undefined) throw new Error("the example has an environment");
  const region = { ...production, database: "none" } as const;
  web.environments = { europe: region, america: region, production };
  web.waves = [["europe", "america"], ["production"]];
  return config;
}

const deploymentsOf = async (release: string) =>
  Object.fromEntries(
    (await world.clock.runUntil(world.records.deployments(release))).map((deployment) => [
      deployment.environment,
      deployment,
    ]),
  );

describe("the waves of a release", () => {
  it("come one after another, and the environments of a wave are deployed side by side", async () => {
    world = await createWorld(1, threeEnvironments());
    const id = await world.release("aaaaaaa", { startSeconds: 60 });
    const { europe, america, production } = await deploymentsOf(id);
    expect([europe, america, production].map((one) => one?.outcome)).toEqual(Array(3).fill("Released"));
    expect(america?.openedAt).toBeLessThan(europe?.endedAt ?? 0);
    expect(europe?.openedAt).toBeLessThan(america?.endedAt ?? 0);
    expect(production?.openedAt).toBeGreaterThanOrEqual(
      Math.max(europe?.endedAt ?? 0, america?.endedAt ?? 0),
    );
    for (const environment of ["europe", "america", "production"])
      expect(await world.servingIn(environment)).toBe("aaaaaaa");
  });

  it("let an environment end in peace when its neighbour cannot be deployed, and then promote no further", async () => {
    world = await createWorld(1, threeEnvironments());
    await world.release("aaaaaaa");
    const frozen = { reason: "an incident", since: world.clock.now(), release: "web-1" };
    await world.clock.runUntil(world.records.freeze("web", "europe", frozen));
    const id = await world.release("bbbbbbb", { startSeconds: 60 });
    const { europe, america, production } = await deploymentsOf(id);
    expect([europe, america, production].map((one) => one?.outcome)).toEqual([
      "Rejected",
      "Released",
      undefined,
    ]);
    expect(production).toBeUndefined();
    const release = await world.ended(id);
    expect(release.outcome).toBe("Rejected");
    expect(release.reason).toMatch(/europe: .*an incident/);
    expect(await world.servingIn("europe")).toBe("aaaaaaa");
    expect(await world.servingIn("america")).toBe("bbbbbbb");
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });
});
