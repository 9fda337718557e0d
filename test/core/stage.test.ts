import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { planRelease } from "../../core/plan.ts";
import { buildsOf, verificationVariables } from "../../core/stage.ts";
import { oneEnvironment } from "../simulation/environments.ts";

const image = { repository: "web", digest: `sha256:${"3f".repeat(32)}`, uri: "web@sha256:3f" };

describe("a stage's builds", () => {
  it("are one, named as the stage, without a matrix", () =>
    expect(buildsOf("unit-tests", {})).toEqual([
      { stage: "unit-tests", build: "unit-tests", variables: {} },
    ]));

  it("are all combinations of a matrix, each once and each with a name of its own", () => {
    const values = fc.uniqueArray(fc.stringMatching(/^[a-z0-9./=-]{1,8}$/), { minLength: 1, maxLength: 4 });
    const matrices = fc.dictionary(fc.constantFrom("STORE", "NODE", "REGION"), values);
    fc.assert(
      fc.property(matrices, (matrix) => {
        const builds = buildsOf("unit-tests", { matrix });
        const expected = Object.values(matrix).reduce((product, { length }) => product * length, 1);
        expect(new Set(builds.map(({ build }) => build)).size).toBe(expected);
        for (const { variables } of builds) expect(Object.keys(variables)).toEqual(Object.keys(matrix));
      }),
    );
  });

  it("are planned by track and step, with the time of the queue", () => {
    const config = parseConfig(oneEnvironment()).services.web;
    if (config === undefined) throw new Error("the example has a service web");
    const { tracks } = planRelease({ evidence: {}, image }, config);
    expect(tracks.map((track) => track.map((step) => step.map(({ build }) => build)))).toEqual([
      [["static-analysis"], ["unit-tests"]],
      [["integration-tests"]],
      [["security-scan"]],
    ]);
    expect(tracks[0]?.[0]?.[0]?.timeoutSeconds).toBe(15 * 60 + 30 * 60);
  });
});

describe("a stage that verifies an environment", () => {
  it("is told where it answers, and the limits that the config has", () => {
    expect(
      verificationVariables(
        "staging",
        { performance: { p99Milliseconds: 250, errorPercent: 0 } },
        "https://a.example",
      ),
    ).toEqual({
      SPILLWAY_ENVIRONMENT: "staging",
      SPILLWAY_URL: "https://a.example",
      SPILLWAY_LIMIT_P99_MILLISECONDS: "250",
      SPILLWAY_LIMIT_ERROR_PERCENT: "0",
    });
  });
});
