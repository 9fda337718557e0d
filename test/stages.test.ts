import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../core/config.ts";
import { stopStages } from "../functions/stop-stages.ts";
import { awaitWork } from "../functions/waiting.ts";
import { oneEnvironment } from "./simulation/environments.ts";
import { refuse } from "./simulation/faults.ts";
import type { Seams } from "./simulation/seams.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

/** The example with a service changed. */
function changed(change: (service: ConfigInput["services"][string]) => void): ConfigInput {
  const copy = oneEnvironment();
  const { web } = copy.services;
  if (web === undefined) throw new Error("the example has a service web");
  change(web);
  return copy;
}

const withMatrix = changed(({ stages }) =>
  Object.assign(stages["unit-tests"] ?? {}, {
    matrix: { STORE: ["sqlite", "postgres"], NODE: ["22", "24/alpine"] },
  }),
);
const builds = [
  "unit-tests[STORE=sqlite,NODE=22]",
  "unit-tests[STORE=sqlite,NODE=24/alpine]",
  "unit-tests[STORE=postgres,NODE=22]",
  "unit-tests[STORE=postgres,NODE=24/alpine]",
];

const buildsThat = (names: readonly string[]) =>
  world.events.filter(
    ({ "detail-type": type, detail }) =>
      type === "CodeBuild Build State Change" && names.includes(String(detail["build-status"])),
  );

describe("a stage with a matrix", () => {
  it("is one build for each combination, all of them counted by the gate", async () => {
    world = await createWorld(1, withMatrix);
    const id = await world.release("aaaaaaa");
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    expect(release.outcome).toBe("Released");
    expect(
      Object.keys(release.evidence)
        .filter((build) => build.startsWith("unit-tests"))
        .toSorted(),
    ).toEqual(builds.toSorted());
    expect(release.evidence[builds[1] ?? ""]).toMatchObject({
      stage: "unit-tests",
      build: builds[1],
      passed: true,
    });
  });

  it("is ended by the first combination that fails, and with it the whole release", async () => {
    world = await createWorld(1, withMatrix);
    const id = await world.release("aaaaaaa", {
      stages: { "unit-tests": { seconds: 600 }, [builds[2] ?? ""]: { passes: false } },
    });
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    expect(release).toMatchObject({ outcome: "Rejected", reason: expect.stringContaining("StageFailed") });
    expect(release.evidence[builds[2] ?? ""]?.passed).toBe(false);
    expect(buildsThat(["STOPPED"]).map(({ detail }) => detail["project-name"])).toEqual(
      Array(3).fill("spillway-web-unit-tests"),
    );
    expect(await world.clock.runUntil(world.records.openWaits())).toEqual([]);
  });
});

describe("a stage that fails", () => {
  it("says what failed, what it printed last, and how to see all of it, on the release and its evidence", async () => {
    world = await createWorld();
    const prints = [...Array(40).keys()].map((n) => `line ${n}`);
    const id = await world.release("aaaaaaa", { stages: { "unit-tests": { passes: false, prints } } });
    const { reason, evidence } = await world.clock.runUntil(world.records.requireRelease(id));
    const log = evidence["unit-tests"]?.log;
    expect(log).toMatchObject({ group: "/aws/codebuild/spillway-web-unit-tests" });
    expect(reason).toContain(
      "in BUILD: Error while executing command: run unit-tests. Reason: exit status 1\n  line 25\n",
    );
    expect(reason).toContain(
      `line 39\nThe whole log:\naws logs get-log-events --log-group-name ${log?.group} `,
    );
    expect(reason).not.toContain("a later phase speaks too");
    expect(evidence["unit-tests"]?.cause).toContain("line 39");
  });
});

describe("what a build is told", () => {
  it("is the release, its own variables and those of the matrix, and secrets by reference", async () => {
    const config = changed(({ stages }) =>
      Object.assign(stages["unit-tests"] ?? {}, {
        variables: { LEVEL: "high" },
        secrets: { TOKEN: "scanner:token" },
        matrix: { STORE: ["sqlite"] },
      }),
    );
    world = await createWorld(1, config, { scanner: '{"token":"planted"}' });
    const id = await world.release("aaaaaaa");
    expect(world.told.get("unit-tests[STORE=sqlite]")).toMatchObject({
      SPILLWAY_RELEASE: id,
      SPILLWAY_STAGE: "unit-tests",
      SPILLWAY_COMMIT: "aaaaaaa",
      SPILLWAY_IMAGE: expect.stringMatching(/\/web@sha256:/),
      SPILLWAY_MIGRATION_IMAGE: expect.stringMatching(/\/web-migrate@sha256:/),
      LEVEL: "high",
      STORE: "sqlite",
      TOKEN: "planted",
    });
    expect(JSON.stringify(world.events)).not.toContain("planted");
  });
});

describe("what a build leaves", () => {
  it("is kept as evidence: counts of its reports, and where its artifacts are", async () => {
    world = await createWorld();
    const test = { prefix: "", suite: "", name: "adds", seconds: 1, message: "", file: "junit.xml" };
    const id = await world.release("aaaaaaa", {
      stages: {
        "unit-tests": {
          reports: [
            {
              group: "unit",
              type: "TEST",
              content: {
                type: "TEST",
                tests: [
                  { ...test, status: "SUCCEEDED" },
                  { ...test, status: "SKIPPED" },
                ],
              },
            },
          ],
          artifacts: [{ identifier: undefined, location: "arn:aws:s3:::bucket/key" }],
        },
      },
    });
    const { evidence } = await world.ended(id);
    expect(evidence["unit-tests"]).toMatchObject({
      reports: [
        {
          name: expect.stringContaining("unit"),
          type: "TEST",
          tests: { total: 2, passed: 1, failed: 0, skipped: 1 },
        },
      ],
      artifacts: ["arn:aws:s3:::bucket/key"],
    });
    expect(evidence["security-scan"]).toMatchObject({ reports: [], artifacts: [] });
  });
});

describe("an account that runs one build at a time", () => {
  it("is asked again until it takes each of them, and the release goes well", async () => {
    const builds = { open: 0, refused: 0, taken: 0 };
    const seams: Seams = {
      async call({ operation }, send) {
        if (operation !== "CodeBuild_20161006.StartBuild") return send();
        if (builds.open > 0) {
          builds.refused++;
          return refuse(400, "AccountLimitExceededException", "Cannot have more than 1 builds in queue");
        }
        builds.open++;
        builds.taken++;
        return send();
      },
      effect: (effect) => {
        if (effect.kind === "build" && effect.phase === "ended") builds.open--;
      },
    };
    world = await createWorld(1, withMatrix, {}, { seams: () => seams });
    const slow = Object.fromEntries(
      ["static-analysis", "unit-tests", "integration-tests", "security-scan"].map((stage) => [
        stage,
        { seconds: 120 },
      ]),
    );
    const id = await world.release("aaaaaaa", { stages: slow });
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    expect(release).toMatchObject({ outcome: "Released" });
    expect(Object.keys(release.evidence)).toHaveLength(builds.taken);
    expect(builds.taken).toBe(7);
    expect(builds.refused).toBeGreaterThan(builds.taken);
  });
});

describe("a build that begins while its release is being stopped", () => {
  it("is stopped too: nobody would wait for it", async () => {
    world = await createWorld();
    const { connection, made } = world;
    const place = { connection, environment: { table: made.table, region: "us-east-1" } };
    const stopped: string[] = [];
    const work = {
      key: "web-1/stage/unit-tests",
      kind: "build" as const,
      release: "web-1",
      token: "token",
      subject: {},
      begin: async () => {
        await stopStages.run({ release: "web-1" }, place, () => {});
        return { arn: "arn:begun" };
      },
      find: async () => undefined,
      stop: async (arn: string) => void stopped.push(arn),
    };
    await world.clock.runUntil(awaitWork(place, work, async () => undefined));
    expect(stopped).toEqual(["arn:begun"]);
  });
});
