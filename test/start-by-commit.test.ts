import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../core/config.ts";
import { oneEnvironment } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const commit = "3f2a91c0d4e5".padEnd(40, "0");

/** The example, with a way to build its images; one of its stages needs them. */
function buildable(): ConfigInput {
  const copy = oneEnvironment();
  const { web } = copy.services;
  if (web === undefined) throw new Error("the example has a service web");
  web.build = { buildspec: "examples/web/buildspecs/build-image.yml" };
  for (const [name, stage] of Object.entries(web.stages))
    stage.needs = name === "integration-tests" ? "image" : "source";
  const { production } = web.environments;
  if (production === undefined) throw new Error("the example has an environment production");
  web.environments.staging = structuredClone(production);
  web.environments.sandbox = structuredClone(production);
  web.waves = [["staging"], ["production"]];
  return copy;
}

const builds = () =>
  world.events
    .filter(
      ({ "detail-type": type, detail }) =>
        type.includes("Build State") && detail["build-status"] === "IN_PROGRESS",
    )
    .map(({ detail }) => String(detail["project-name"]).replace("spillway-web-", ""));
const outputOf = ({ output = "{}" }: { output?: string | undefined }) => JSON.parse(output);
const live = async (environment: string) =>
  (await world.clock.runUntil(world.records.environment("web", environment))).live;

describe("a start by commit", () => {
  it("checks the commit, builds and pushes its image, and the push's release runs no check again", async () => {
    world = await createWorld(1, buildable());
    world.commit(commit);
    const execution = await world.start({ service: "web", commit });
    expect(execution.status).toBe("SUCCEEDED");
    const { outcome, release, built } = outputOf(execution);
    expect({ outcome, release }).toEqual({ outcome: "Built", release: "web-c3f2a91c0d4e5-1" });
    expect(built).toMatchObject({ tag: "3f2a91c0d4e5", digest: expect.stringMatching(/^sha256:/) });

    const second = await world.ended(built.release);
    expect(second).toMatchObject({ outcome: "Released", trigger: "push", commit });
    expect(second.evidence["unit-tests"]).toMatchObject({ passed: true, reusedFrom: release });
    expect(second.evidence["integration-tests"]?.reusedFrom).toBeUndefined();
    expect(builds().toSorted()).toEqual([
      "build-image",
      "integration-tests",
      "security-scan",
      "static-analysis",
      "unit-tests",
    ]);
    expect((await live("production"))?.release).toBe(built.release);
    expect(await world.clock.runUntil(world.records.openWaits())).toEqual([]);
  });

  it("goes where the person wanted it, all the way through the image that is built", async () => {
    world = await createWorld(1, buildable());
    world.commit(commit);
    const execution = await world.start({
      service: "web",
      commit,
      environments: ["staging"],
      reason: "a look",
    });
    const second = await world.ended(outputOf(execution).built.release);
    expect(second).toMatchObject({ outcome: "Released", environments: ["staging"], why: "a look" });
    expect((await live("staging"))?.release).toBe(second.id);
    expect(await live("production")).toBeUndefined();
  });

  it("is the release of the image, when the commit has one", async () => {
    world = await createWorld(1, buildable());
    await world.release("3f2a91c");
    const execution = await world.start({ service: "web", commit: "3f2a91c", environments: ["sandbox"] });
    expect(outputOf(execution)).toMatchObject({ outcome: "Released", release: expect.stringMatching(/-2$/) });
    expect(builds()).not.toContain("build-image");
    expect((await live("sandbox"))?.release).toBe(outputOf(execution).release);
  });

  it("builds nothing of a commit that does not pass", async () => {
    world = await createWorld(1, buildable());
    world.commit(commit, { stages: { "static-analysis": { passes: false } } });
    const execution = await world.start({ service: "web", commit });
    expect(execution).toMatchObject({ status: "FAILED", error: "Rejected" });
    expect(execution.cause).toContain("StageFailed");
    expect(builds()).not.toContain("build-image");
  });

  it.each([
    ["fails", { stages: { "build-image": { passes: false, prints: ["no space left"] } } }, "no space left"],
    [
      "pushes nothing",
      { pushes: false },
      "let the buildspec push one, for example with the tag 3f2a91c0d4e5",
    ],
  ])("is rejected when the build %s", async (_how, behaviour, words) => {
    world = await createWorld(1, buildable());
    world.commit(commit, behaviour);
    const execution = await world.start({ service: "web", commit });
    expect(execution).toMatchObject({ status: "FAILED", error: "Rejected" });
    expect(execution.cause).toContain("BuildFailed");
    expect(execution.cause).toContain(words);
  });

  it.each([
    [
      "a commit without a way to build it",
      { service: "web", commit },
      /say in spillway.config.ts how to build it/,
    ],
    ["a commit and a tag", { service: "web", commit, tag: "a" }, /not both/],
    [
      "an unknown environment",
      { service: "web", commit, environments: ["prod"] },
      /named prod; there are production/,
    ],
  ])("refuses %s and records nothing", async (_what, input, words) => {
    world = await createWorld();
    expect(await world.start(input)).toMatchObject({
      status: "FAILED",
      error: "Rejected",
      cause: expect.stringMatching(words),
    });
    expect(await world.clock.runUntil(world.records.openReleases())).toEqual([]);
  });

  it("wants the whole commit to build it", async () => {
    world = await createWorld(1, buildable());
    expect((await world.start({ service: "web", commit: "3f2a91c" })).cause).toContain(
      "git rev-parse 3f2a91c",
    );
  });
});
