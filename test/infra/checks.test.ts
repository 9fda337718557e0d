import { describe, expect, it } from "vitest";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import { describeApplication } from "../../infra/application.ts";
import { type Found, problemsOf } from "../../infra/checks.ts";
import { installationItem } from "../../infra/installation-item.ts";
import { inStage } from "../../infra/repository-names.ts";
import { smallConfig } from "./small-config.ts";

const destination = { account: "123456789012", region: "eu-central-1" };
const well: Found = {
  secrets: [{ name: "web/production/database", arn: "arn", key: undefined }],
  repositories: [],
  network: undefined,
  defaultNetwork: { vpc: "vpc-1", subnets: ["subnet-1"] },
  cluster: undefined,
  appRunner: "used",
  openExecutions: [],
  members: [],
};

function problems(
  found: Partial<Found>,
  change: (config: ConfigInput) => ConfigInput = (config) => config,
  prefix = "spillway-production",
) {
  const config = parseConfig(change(structuredClone(smallConfig)));
  return problemsOf(describeApplication(config, prefix), config, destination, { ...well, ...found });
}

describe("what is checked before anything is deployed", () => {
  it("has nothing to say of what can work", () => {
    expect(problems({})).toEqual([]);
  });

  it("says everything at once, with what to do about each", () => {
    const said = problems({ secrets: [], appRunner: "absent", defaultNetwork: undefined });
    expect(said).toHaveLength(3);
    for (const problem of said) expect(problem).toMatch(/Create it|deploy to|say aws\.network/);
  });

  it("names the account that the config wants", () => {
    expect(problems({}, (config) => ({ ...config, aws: { account: "210987654321" } }))).toEqual([
      "The credentials are for account 123456789012, but spillway.config.ts says aws.account 210987654321; set AWS_PROFILE to a profile of that account, or change the config.",
    ]);
  });

  it("takes no function away under an execution that calls it", () => {
    const calling = (name: string) => ({
      arn: `arn:aws:states:eu-central-1:123456789012:execution:spillway-production-DeployMachine:${name}`,
      definition: JSON.stringify({
        FunctionName: `arn:aws:lambda:eu-central-1:123456789012:function:spillway-production-${name}:7`,
      }),
    });
    expect(problems({ openExecutions: [calling("CheckHealth")] })).toEqual([]);
    const [said, ...others] = problems({ openExecutions: [calling("CheckHealth"), calling("CheckWealth")] });
    expect(said).toMatch(/DeployMachine:CheckWealth is under way and calls spillway-production-CheckWealth,/);
    expect(said).toMatch(/Let it end before you deploy/);
    expect(others).toEqual([]);
  });

  describe("of the network", () => {
    const named = (settings: object) => (config: ConfigInput) => ({
      ...config,
      aws: { network: { subnets: ["subnet-1", "subnet-2"], securityGroups: ["sg-1"], ...settings } },
    });
    const there = (...vpcs: (string | undefined)[]) => ({
      defaultNetwork: undefined,
      network: {
        subnets: [
          { id: "subnet-1", vpc: vpcs[0] },
          { id: "subnet-2", vpc: vpcs[1] },
        ],
        securityGroups: [{ id: "sg-1", vpc: vpcs[2] }],
      },
    });
    const building = (config: ConfigInput): ConfigInput => {
      const { web } = config.services;
      Object.assign(web?.stages["unit-tests"] ?? {}, { network: true });
      return config;
    };

    it("says what is not there, and what is not together", () => {
      expect(problems(there("vpc-1", "vpc-1", "vpc-1"), named({}))).toEqual([]);
      expect(problems(there("vpc-1", undefined, "vpc-1"), named({}))).toEqual([
        "aws.network in spillway.config.ts names subnet-2, which is not in account 123456789012, region eu-central-1; correct it there.",
      ]);
      expect(problems(there("vpc-1", "vpc-1", "vpc-2"), named({}))).toEqual([
        expect.stringMatching(/names subnet-1 of vpc-1, .* sg-1 of vpc-2; name .* of one VPC/),
      ]);
    });

    it("lets builds be only in one from which they can reach something", () => {
      const found = there("vpc-1", "vpc-1", "vpc-1");
      expect(problems(found, (config) => named({})(building(config)))).toEqual([]);
      const [said, ...others] = problems({}, building);
      expect(said).toMatch(/spillway-production-web-unit-tests would build in a network, but .* names none/);
      expect(others).toEqual([]);
      expect(problems(found, (config) => named({ publicAddress: true })(building(config)))).toEqual([
        expect.stringMatching(/names one of public subnets/),
      ]);
    });
  });

  it("knows a cluster of yours that is not there, or no more", () => {
    const named = (config: ConfigInput) => ({ ...config, aws: { cluster: "shared" } });
    const status = (status: string | undefined) => ({ cluster: { name: "shared", status } });
    expect(problems(status("ACTIVE"), named)).toEqual([]);
    expect(problems(status(undefined), named)).toEqual([
      "aws.cluster in spillway.config.ts names the ECS cluster shared, which is not in account 123456789012, region eu-central-1. Create it (aws ecs create-cluster --region eu-central-1 --cluster-name shared), correct the name, or leave the setting out: then Spillway makes one.",
    ]);
    expect(problems(status("INACTIVE"), named)).toEqual([expect.stringContaining("which is INACTIVE in")]);
  });

  it("knows where CodeBuild has no Lambda compute", () => {
    const onLambda = (config: ConfigInput): ConfigInput => {
      Object.assign(config.services.web?.stages["unit-tests"] ?? {}, { computeType: "BUILD_LAMBDA_1GB" });
      return config;
    };
    expect(problems({}, onLambda)).toEqual([]);
    const config = parseConfig(onLambda(structuredClone(smallConfig)));
    const application = describeApplication(config, "spillway-production");
    const north = { ...destination, region: "eu-north-1" };
    expect(problemsOf(application, config, north, well)).toEqual([
      expect.stringMatching(/no Lambda compute in the region eu-north-1, which spillway-production-web-unit/),
    ]);
  });

  it("finds a name that is too long for AWS, before AWS does", () => {
    const [said] = problems({}, undefined, "spillway-stage-of-somebody");
    expect(said).toMatch(/App Runner service would be named .* 40 are allowed/);
  });

  it("finds two services that would share a project and a repository", () => {
    const [said, other] = problems({}, (config) => {
      const { web } = config.services;
      if (web === undefined) throw new Error("the example has no web");
      return {
        ...config,
        services: {
          a: { ...web, stages: { "b-c": { buildspec: "x" } }, tracks: [["b-c"]] },
          "a-b": { ...web, stages: { c: { buildspec: "x" } }, tracks: [["c"]] },
        },
      };
    });
    expect(said).toMatch(/share the CodeBuild project spillway-production-a-b-c/);
    expect(other).toMatch(/share the ECR repository web/);
  });

  it.each([
    [10, []],
    [
      40,
      [expect.stringMatching(/40 services in 120 environments, more than the policy of a role has room for/)],
    ],
  ])("knows whether %i services in three environments each fit into the policies of AWS", (count, said) => {
    const found = problems(
      {},
      (config) => {
        const { web } = config.services;
        const { production } = web?.environments ?? {};
        if (web === undefined || production === undefined) throw new Error("the example has no production");
        const environments = { development: production, staging: production, production };
        const services = Array.from({ length: count }, (_, index) => {
          const name = `service-${index}`;
          const migration = { repository: `${name}-migrate` };
          return [
            name,
            { ...web, environments, waves: [["staging"]], image: { repository: name }, migration },
          ];
        });
        return { ...config, services: Object.fromEntries(services) };
      },
      "spillway-ab",
    );
    expect(found.filter((problem) => !problem.includes("characters are allowed"))).toEqual(said);
  });

  it("puts the repositories of every stage but production under its own name", () => {
    const config = parseConfig(smallConfig);
    const under = inStage(config, "spillway-dev").services.web;
    expect([under?.image.repository, under?.migration?.repository]).toEqual([
      "spillway-dev/web",
      "spillway-dev/web-migrate",
    ]);
    expect(inStage(config, undefined)).toEqual(config);
  });

  it("leaves a service of yours to production, and gives every other stage one of its own", () => {
    const input = structuredClone(smallConfig);
    Object.assign(input.services.web?.environments.production?.target ?? {}, { name: "links-live" });
    const config = parseConfig(input);
    const target = (stage: typeof config, prefix: string) =>
      describeApplication(stage, prefix).environments.map(({ target }) => target);
    expect(target(inStage(config, undefined), "spillway-production")).toEqual(["links-live"]);
    expect(target(inStage(config, "spillway-dev"), "spillway-dev")).toEqual(["spillway-dev-web-production"]);
  });

  it("refuses a config whose record would not fit into an item", () => {
    const config = parseConfig(smallConfig);
    const secrets = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`secret-${index}`, "a".repeat(100)]),
    );
    expect(() =>
      installationItem({
        config,
        resources: {
          prefix: "p",
          cluster: "c",
          subnets: [],
          securityGroups: [],
          publicAddress: false,
          migrationTaskRoleArn: "r",
          appRunnerAccessRoleArn: "r",
          environmentRoles: {},
          migrationLogGroup: "g",
          releaseMachineArn: "m",
          deployMachineArn: "m",
          registry: "r",
          secrets,
        },
      }),
    ).toThrow(/of \d+ KB; an item of DynamoDB holds 400 KB/);
  });
});
