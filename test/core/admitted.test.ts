import { describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { planRelease, planTracks } from "../../core/plan.ts";
import { Release } from "../../core/records.ts";
import { planResume } from "../../core/resume.ts";
import {
  environmentOf,
  requireService,
  revertPolicy,
  rolesOf,
  runtimeSettings,
  secretReference,
} from "../../core/settings.ts";
import { requireBuild } from "../../core/stage.ts";
import { oneEnvironment } from "../simulation/environments.ts";

const config = parseConfig(oneEnvironment());
const resources = {
  ...{ cluster: "spillway", subnets: [], securityGroups: [], publicAddress: true },
  ...{ migrationTaskRoleArn: "arn:task", appRunnerAccessRoleArn: "arn:access", environmentRoles: {} },
  ...{ migrationLogGroup: "/spillway", secrets: { "web/database": "arn:secret" }, prefix: "spillway" },
  ...{ releaseMachineArn: "arn:release", deployMachineArn: "arn:deploy", registry: "registry" },
};
const of = (service: string) => ({ id: `${service}-1`, service, installation: { config, resources } });
const web = requireService(of("web"));

describe("what a release was admitted with", () => {
  it("is asked for by name, and what it was admitted without is said with what it has", () => {
    expect(Object.keys(requireBuild(of("web"), "unit-tests", "unit-tests"))).toEqual(["config", "variables"]);
    expect(() => requireBuild(of("web"), "unit-tests", "unit-tests[NODE=24]")).toThrow(
      "The release web-1 was admitted without a build unit-tests[NODE=24] of a stage unit-tests; that stage has unit-tests.",
    );
    expect(() => requireBuild(of("web"), "unit-tets", "unit-tets")).toThrow(/that stage has none\.$/);
    expect(() => environmentOf(of("web"), "staging")).toThrow(
      "The release web-1 was admitted without an environment staging; it has production.",
    );
    expect(() => environmentOf(of("api"), "staging")).toThrow(/it has none\.$/);
    expect(() => requireService(of("api"))).toThrow("The record of api-1 has no config of its service api.");
  });

  it("has what the installation made, and says what to do where it made nothing", () => {
    expect(secretReference(resources, "web/database")).toBe("arn:secret");
    expect(secretReference(resources, "web/database:url")).toBe("arn:secret:url::");
    expect(() => secretReference(resources, "web/mail")).toThrow(
      /names the secret web\/mail, which this installation does not know/,
    );
    expect(() => rolesOf(resources, "web", "production")).toThrow(
      "The installation has no roles for web in production; deploy the installation again.",
    );
  });

  it("tells the service of its commit as far as its image names one", () => {
    const roles = { instance: "arn:instance", migrationExecution: "arn:execution" };
    const environmentRoles = { "web/production": roles };
    const secrets = { "web/production/database": "arn:secret" };
    const release = Release.parse({
      ...{ id: "web-1", service: "web", attempt: 1, trigger: "push", executionArn: "arn", openedAt: 0 },
      ...{ sequence: 1, evidence: {}, schemaHistory: [] },
      installation: { config, resources: { ...resources, environmentRoles, secrets } },
    });
    const told = (commit?: string) => runtimeSettings({ ...release, commit }, "production").variables;
    expect(told("3f2a91c")).toEqual({ ...told(), SPILLWAY_COMMIT: "3f2a91c" });
    expect(told()).not.toHaveProperty("SPILLWAY_COMMIT");
  });

  it("takes a migration back only where somebody said so", () => {
    expect(revertPolicy({}, {})).toBe("never");
    if (web.migration === undefined) throw new Error("the example migrates a database");
    const allowed = { migration: { ...web.migration, revert: "allowed" as const } };
    expect(revertPolicy(allowed, {})).toBe("allowed");
    expect(revertPolicy(allowed, { migration: { revert: "never" } })).toBe("never");
  });
});

describe("the way of a release", () => {
  const byCommit: Pick<Release, "evidence" | "environments"> = { evidence: {} };

  it("leaves out a stage that is not there", () =>
    expect(planTracks({ stages: {} }, [["unit-tests"]])).toEqual([[]]));

  it("ends with the build of its images, if it began with a commit", () => {
    expect(planRelease(byCommit, web)).toMatchObject({ waves: [], build: { timeoutSeconds: 1800 } });
  });

  it("is resumed by its commit as long as it has no image", () => {
    const release = Release.parse({
      ...{ ...of("web"), commit: "3f2a91c", sequence: 1, evidence: {}, trigger: "console", force: false },
      ...{ openedAt: 0, executionArn: "arn", attempt: 1, schemaHistory: [], tag: "3f2a91c" },
    });
    expect(planResume(release, web, [], [], undefined)).toMatchObject({
      image: { commit: "3f2a91c" },
      environments: undefined,
    });
    expect(() => planResume({ ...release, commit: undefined }, web, [], [], undefined)).toThrow(
      "The record of web-1 names neither an image nor a commit.",
    );
  });
});
