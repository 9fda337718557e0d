import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { scenarios } from "../cli/scenarios.ts";
import config from "../spillway.config.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

/** What each scenario's commit does, as builds, tasks and services see it. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  "failing-unit-tests": {
    stages: { "unit-tests": { passes: false }, "integration-tests": { seconds: 900 } },
  },
  vulnerable: { stages: { "security-scan": { passes: false } } },
  "failing-migration": { migration: { exitCode: 1, after: "0002" } },
  "crash-on-start": { crashesOnStart: true },
  unhealthy: { probeStatus: 500, healthStatus: 500 },
  "slow-start": { startSeconds: 60 },
  "failing-e2e": { stages: { "end-to-end": { passes: false } } },
  "slow-response": { stages: { performance: { passes: false } } },
  "old-commit": { stages: { "integration-tests": { seconds: 600 } } },
};

let world: SimulatedWorld;
afterEach(() => world.close());

const served = async () => [await world.servingIn("staging"), await world.servingIn("production")];
const since = (before: number) => world.events.slice(before);

describe("the scenarios of npm start", () => {
  it("have each a folder of the example, and every folder is one of them", async () => {
    world = await createWorld();
    const folder = join(import.meta.dirname, "../examples/web/scenarios");
    const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).toSorted()).toEqual(scenarios.map(({ name }) => name).toSorted());
    expect(Object.keys(behaviours).toSorted()).toEqual(scenarios.map(({ name }) => name).toSorted());
  });

  it.each(scenarios)("$name: $says, and it ends $ends", async ({ name, ends, overtaken }) => {
    world = await createWorld(1, config);
    await world.release("aaaaaaa");
    expect(await served()).toEqual(["aaaaaaa", "aaaaaaa"]);
    const before = world.events.length;
    const digest = await world.push("bbbbbbb", behaviours[name]);
    if (overtaken === true) await world.release("ccccccc");
    const release = await world.ended(`web-${digest.replace("sha256:", "").slice(0, 12)}-1`);
    expect(release.outcome, release.reason).toBe(ends);
    const now = ends === "Released" ? "bbbbbbb" : overtaken === true ? "ccccccc" : "aaaaaaa";
    expect(await served()).toEqual([now, now]);
    const touched = since(before).some(({ source }) => source === "aws.ecs" || source === "aws.apprunner");
    expect(touched).toBe(ends !== "Rejected");
    expect(await world.clock.runUntil(world.records.openWaits())).toEqual([]);
  });

  it("stop the promotion: production is never told of what staging did not keep", async () => {
    world = await createWorld(1, config);
    await world.release("aaaaaaa");
    const before = world.events.length;
    await world.release("bbbbbbb", behaviours["slow-response"]);
    const services = since(before)
      .filter(({ source }) => source === "aws.apprunner")
      .map(({ detail }) => detail.serviceName);
    expect(new Set(services)).toEqual(new Set(["spillway-web-staging"]));
  });
});
