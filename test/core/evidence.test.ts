import { describe, expect, it } from "vitest";
import { chooseWaves, decideSuperseded, tagsOfCommit } from "../../core/admission.ts";
import { type ConfigInput, parseConfig, type ServiceConfig } from "../../core/config.ts";
import { evidenceOfCommit, reuseEvidence, reusePassed } from "../../core/evidence.ts";
import { planRelease } from "../../core/plan.ts";
import { oneEnvironment } from "../simulation/environments.ts";

const web = (change: (service: ConfigInput["services"][string]) => void = () => {}): ServiceConfig => {
  const copy = oneEnvironment();
  if (copy.services.web === undefined) throw new Error("the example has a service web");
  // Here every stage checks the source, unless a test says otherwise.
  for (const stage of Object.values(copy.services.web.stages)) stage.needs = "source";
  change(copy.services.web);
  const parsed = parseConfig(copy).services.web;
  if (parsed === undefined) throw new Error("the example has a service web");
  return parsed;
};
const hour = 60 * 60_000;
const passed = (stage: string, build = stage) => ({
  stage,
  build,
  passed: true,
  buildArn: `arn:${build}`,
  startedAt: 0,
  endedAt: 1,
});
const stages = ["static-analysis", "unit-tests", "integration-tests", "security-scan"];
const release = {
  id: "web-c3f2a91c0d4e5-1",
  service: "web",
  evidence: Object.fromEntries(stages.map((stage) => [stage, passed(stage)])),
};
const found = (service = web()) => evidenceOfCommit(release, "3f2a91c", service, 0);
const reused = (service: ServiceConfig, now = hour) =>
  Object.keys(reuseEvidence(found(), service, now)).toSorted();

describe("evidence of a commit", () => {
  it("is taken over by the commit's image, and not run again", () => {
    const evidence = reuseEvidence(found(), web(), hour);
    expect(evidence["unit-tests"]).toEqual({ ...passed("unit-tests"), reusedFrom: release.id });
    const image = { repository: "web", digest: "sha256:", uri: "" };
    expect(planRelease({ evidence, image }, web()).tracks).toEqual([]);
  });
  it("is not that of stages that need the image", () => {
    const service = web(({ stages: all }) =>
      Object.assign(all["integration-tests"] ?? {}, { needs: "image" }),
    );
    expect(Object.keys(found(service).builds)).not.toContain("integration-tests");
    expect(reused(service)).not.toContain("integration-tests");
  });
  it.each([
    ["another buildspec", { buildspec: "other.yml" }],
    ["another image", { image: "other" }],
    ["another variable", { variables: { A: "1" } }],
    ["another secret", { secrets: { A: "token" } }],
    ["a matrix", { matrix: { A: ["1"] } }],
  ])("does not count once the stage has %s", (_what, settings) => {
    const service = web(({ stages: all }) => Object.assign(all["unit-tests"] ?? {}, settings));
    expect(reused(service)).toEqual(["integration-tests", "security-scan", "static-analysis"]);
  });
  it("does count when only the stage's patience changed", () =>
    expect(
      reused(web(({ stages: all }) => Object.assign(all["unit-tests"] ?? {}, { timeoutMinutes: 60 }))),
    ).toContain("unit-tests"));
  it("does not count after a day", () => expect(reused(web(), 25 * hour)).toEqual([]));
  it("does not count what failed", () => {
    const failed = { ...passed("unit-tests"), passed: false };
    const half = { ...release, evidence: { ...release.evidence, "unit-tests": failed } };
    const builds = evidenceOfCommit(half, "3f2a91c", web(), 0).builds;
    expect(Object.keys(builds)).not.toContain("unit-tests");
  });
});

describe("where a release goes", () => {
  const service = web((one) => {
    const { production } = one.environments;
    if (production === undefined) throw new Error("the example has an environment production");
    one.environments = { production, staging: production, europe: production, sandbox: production };
    one.waves = [["staging"], ["production", "europe"]];
  });

  it("is wherever the waves go, unless a person says", () =>
    expect(chooseWaves(service, undefined)).toBe(service.waves));
  it("keeps the order of the waves, one that is in none first", () =>
    expect(chooseWaves(service, ["europe", "sandbox", "staging", "europe"])).toEqual([
      ["sandbox"],
      ["staging"],
      ["europe"],
    ]));
  it("names the environments there are", () =>
    expect(() => chooseWaves(service, ["prod"])).toThrow(
      /No environment is named prod; there are production, staging/,
    ));
});

describe("order", () => {
  const live = (sequence: number) => ({
    environment: "production",
    live: { release: "web-1", image, sequence, since: 0 },
  });
  const image = { repository: "web", digest: "sha256:", uri: "" };

  it("supersedes what is older wherever it would go, and only that", () => {
    expect(decideSuperseded(4, [live(5), live(6)])).toMatch(/older \(4\).*web-1 \(5\)/);
    expect(decideSuperseded(5, [live(5)])).toBeUndefined();
    expect(decideSuperseded(4, [live(5), live(3)])).toBeUndefined();
    expect(decideSuperseded(4, [live(5), { environment: "staging" }])).toBeUndefined();
    expect(decideSuperseded(4, [])).toBeUndefined();
  });
});

describe("the tags of a commit", () => {
  it("are its first 40 to 7 digits, the surest first", () => {
    const tags = tagsOfCommit("a".repeat(40));
    expect([tags.length, tags[0]?.length, tags.at(-1)?.length]).toEqual([34, 40, 7]);
    expect(tagsOfCommit("3f2a91c")).toEqual(["3f2a91c"]);
  });
});

describe("the fingerprint of a stage", () => {
  it("does not depend on the order in which its variables are written", () => {
    const variables = (value: Record<string, string>) =>
      web(({ stages: all }) => Object.assign(all["unit-tests"] ?? {}, { variables: value }));
    const one = { A: "1", B: "2", C: "3" };
    const before = evidenceOfCommit(release, "3f2a91c", variables(one), 0);
    const other = variables({ C: "3", A: "1", B: "2" });
    expect(Object.keys(reuseEvidence(before, other, hour))).toContain("unit-tests");
  });

  it("counts for the source of a release that has no image yet", () => {
    const before = web();
    expect(Object.keys(reusePassed({ ...release, image: undefined }, before, web(), hour))).toContain(
      "unit-tests",
    );
  });
});
