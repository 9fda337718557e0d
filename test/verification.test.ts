import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../core/config.ts";
import { exampleWith } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const only = async (id: string) => {
  const [deployment] = await world.clock.runUntil(world.records.deployments(id));
  return deployment;
};

/** The example, whose environment is checked by two tracks of stages once a release serves there. */
function verified(): ConfigInput {
  const config = exampleWith({
    verification: [["end-to-end"], ["performance"]],
    performance: { p99Milliseconds: 200 },
  });
  Object.assign(config.services.web?.stages ?? {}, {
    "end-to-end": { buildspec: "e2e.yml", matrix: { BROWSER: ["firefox", "chromium"] } },
    performance: { buildspec: "performance.yml" },
  });
  return config;
}

const builds = (since = 0) =>
  world.events
    .slice(since)
    .filter(({ source }) => source === "aws.codebuild")
    .map(({ detail }) => `${detail["project-name"]} ${detail["build-status"]}`);

describe("the stages of an environment", () => {
  it("check what serves there, and their evidence is the deployment's", async () => {
    world = await createWorld(1, verified());
    const id = await world.release("aaaaaaa");
    const deployment = await only(id);
    expect(deployment?.outcome).toBe("Released");
    expect(Object.keys(deployment?.verification ?? {}).toSorted()).toEqual([
      "end-to-end[BROWSER=chromium]",
      "end-to-end[BROWSER=firefox]",
      "performance",
    ]);
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    expect(Object.keys(release.evidence)).not.toContain("performance");
  });

  it("take a release back when one fails, and stop its siblings first", async () => {
    world = await createWorld(1, verified());
    await world.release("aaaaaaa");
    const before = world.events.length;
    const id = await world.release("bbbbbbb", {
      stages: {
        "end-to-end[BROWSER=chromium]": { passes: false },
        "end-to-end[BROWSER=firefox]": { seconds: 600 },
        performance: { seconds: 600 },
      },
    });
    const deployment = await only(id);
    expect(deployment).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("because StageFailed"),
    });
    expect(builds(before)).toEqual(
      expect.arrayContaining(["spillway-web-end-to-end STOPPED", "spillway-web-performance STOPPED"]),
    );
    expect(deployment?.verification["end-to-end[BROWSER=chromium]"]).toMatchObject({ passed: false });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(await world.clock.runUntil(world.records.openWaits())).toEqual([]);
  });

  it("do not hold up a rollback", async () => {
    world = await createWorld(1, verified());
    await world.release("aaaaaaa");
    await world.release("bbbbbbb");
    const before = world.events.length;
    await world.deploy({ intent: "rollback", service: "web", environment: "production" });
    expect(builds(before)).toEqual([]);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });
});
