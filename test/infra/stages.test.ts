import { beforeAll, describe, expect, it } from "vitest";
import { clearingTimeoutSeconds } from "../../core/clearing.ts";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import { describeApplication } from "../../infra/application.ts";
import { deployerPolicies, rightsByResource } from "../../infra/deployer.ts";
import { inStage } from "../../infra/repository-names.ts";
import { compilePattern } from "../../local/eventbridge/index.ts";
import example from "../../spillway.config.ts";
import { samples } from "./events.ts";
import { readInstallation } from "./installation-record.ts";
import { platformMissing } from "./platform.ts";
import { allows, policiesOf, statementsOf } from "./policies.ts";
import { everyStatement, unknownActions, unreasonedWildcards } from "./policy-rules.ts";
import type { Account, Inputs, Resource } from "./pulumi.ts";

/** Runs the program; undefined words: it went through. */
async function refusal(account: Account): Promise<string | undefined> {
  const { runApp } = await import("./pulumi.ts");
  return runApp(account).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

const title = "SST stages and accounts";

describe.skipIf(platformMissing)(
  platformMissing === undefined ? title : `${title} (${platformMissing})`,
  () => {
    describe("two stages in one account", () => {
      let stages: { stage: string; resources: readonly Resource[] }[] = [];
      beforeAll(async () => {
        const { runApp } = await import("./pulumi.ts");
        // One after the other: each takes the globals that SST's components read.
        const production = await runApp({
          stage: "production",
          repositories: { web: "spillway-production" },
        });
        const config = await configWith({
          network: { subnets: ["subnet-0a"], securityGroups: ["sg-0a"], services: true },
          cluster: "shared",
          emails: ["on-call@example.com"],
          trustedAccounts: ["210987654321"],
          appRunner: "existing-customer",
        });
        const { web } = config.services;
        Object.assign(web?.stages["static-analysis"] ?? {}, { computeType: "BUILD_LAMBDA_2GB" });
        Object.assign(web?.stages["integration-tests"] ?? {}, { network: true });
        Object.assign(web?.image ?? {}, { platform: "linux/arm64" });
        const appRunner = { status: 200, body: { ServiceSummaryList: [] } };
        const dev = await runApp({
          stage: "dev",
          config,
          defaultVpc: false,
          clusters: ["shared"],
          appRunner,
        });
        stages = [
          { stage: "production", ...production },
          { stage: "dev", ...dev },
        ];
      }, 120_000);
      const dev = () => stages[1]?.resources ?? [];
      const inputsOf = (type: string, name: string): Inputs =>
        dev().find((resource) => resource.type === type && resource.name === name)?.inputs ?? {};

      it("share no name", () => {
        const named = ["name", "dashboardName", "namePrefix"];
        const [first = [], second = []] = stages.map(({ resources }) =>
          resources
            .filter(({ type }) => type.startsWith("aws:"))
            .flatMap(({ type, inputs }) =>
              named.flatMap((field) => (inputs[field] ? `${type} ${inputs[field]}` : [])),
            ),
        );
        expect(first.length).toBeGreaterThan(90);
        expect(second.length).toBeGreaterThan(90);
        expect(first.filter((name) => second.includes(name))).toEqual([]);
      });

      it("hear nothing of each other", () => {
        for (const { stage, resources } of stages) {
          const [other, repository] = stage === "dev" ? ["production", "web"] : ["dev", "spillway-dev/web"];
          const given = samples(`spillway-${other}`, repository);
          for (const { name, type, inputs } of resources) {
            if (type !== "aws:cloudwatch/eventRule:EventRule" || inputs.eventPattern === undefined) continue;
            if (inputs.eventBusName !== "default") continue;
            for (const event of given[name]?.heard ?? [])
              expect(compilePattern(inputs.eventPattern).matches(event), `${stage} ${name}`).toBe(false);
          }
        }
      });

      it("keep their data only in production", () => {
        const [production, dev] = stages.map(({ resources }) =>
          resources.filter(({ retainOnDelete }) => retainOnDelete).map(({ name }) => name),
        );
        expect(production).toEqual(
          expect.arrayContaining([
            "RecordsTable",
            "ArtifactsBucket",
            "Repository-web",
            "Repository-web-migrate",
          ]),
        );
        expect(dev).toEqual([]);
      });

      it("clear away what releases made when they are removed, but for production", () => {
        const [production = [], dev = []] = stages.map(({ resources }) => resources);
        const ofClearing = ({ type, inputs }: Resource) =>
          type === "aws:lambda/invocation:Invocation" || String(inputs.name).includes("ClearEnvironments");
        expect(production.filter(ofClearing)).toEqual([]);
        const clearing = inputsOf("aws:lambda/invocation:Invocation", "Clearing");
        expect(clearing).toMatchObject({
          functionName: "spillway-dev-ClearEnvironments",
          lifecycleScope: "CRUD",
        });
        const { projects, ...released } = JSON.parse(clearing.input);
        expect(released).toEqual({
          targets: ["development", "staging", "production"].map((name) => `spillway-dev-web-${name}`),
          families: ["staging", "production"].map((name) => `spillway-dev-web-${name}-migration`),
        });
        const known = dev.filter(({ type }) => type === "aws:codebuild/project:Project");
        expect(projects.toSorted()).toEqual(known.map(({ inputs }) => inputs.name).toSorted());
        const made = dev.filter(({ type }) => type === "aws:lambda/function:Function").filter(ofClearing);
        expect(made.map(({ inputs }) => inputs.timeout)).toEqual([clearingTimeoutSeconds]);
      });

      it("let the function that clears away delete what releases made there, and nothing of another stage", async () => {
        const role = dev().find(
          ({ type, name }) => type === "aws:iam/role:Role" && name === "ClearEnvironmentsRole",
        );
        const granted = role === undefined ? [] : policiesOf(dev(), role).flatMap(statementsOf);
        const deletions: Readonly<Record<string, (target: string) => string>> = {
          "apprunner:DeleteService": (target) => `apprunner:eu-central-1:123456789012:service/${target}/0b4c`,
          "logs:DeleteLogGroup": (target) =>
            `logs:eu-central-1:123456789012:log-group:/aws/apprunner/${target}/0b4c/service`,
          "ecs:DeleteTaskDefinitions": (target) =>
            `ecs:eu-central-1:123456789012:task-definition/${target}-migration:1`,
        };
        for (const [action, on] of Object.entries(deletions)) {
          expect(allows(granted, action, `arn:aws:${on("spillway-dev-web-staging")}`), action).toBe(true);
          for (const other of ["spillway-production-web-staging", "links-live"])
            expect(allows(granted, action, `arn:aws:${on(other)}`), `${action} ${other}`).toBe(false);
        }
        const statements = everyStatement(dev()).filter(({ role: name }) => name === role?.name);
        expect(statements.length).toBeGreaterThan(8);
        expect((await unknownActions(statements)).problems).toEqual([]);
        expect(unreasonedWildcards(statements)).toEqual([]);
      });

      it("have it called by whoever deploys, who may call no other function", () => {
        const config = inStage(parseConfig(example), "spillway-dev");
        const rights = (prefix: string, permanent: boolean) =>
          deployerPolicies(describeApplication(config, prefix, { permanent }), {
            ...{ partition: "aws", region: "eu-central-1", account: "123456789012" },
          }).flatMap(statementsOf);
        const named = (name: string) => `arn:aws:lambda:eu-central-1:123456789012:function:${name}`;
        const throwAway = rights("spillway-dev", false);
        for (const name of ["ClearEnvironments", "ClearEnvironments:$LATEST"])
          expect(allows(throwAway, "lambda:InvokeFunction", named(`spillway-dev-${name}`)), name).toBe(true);
        expect(allows(throwAway, "lambda:InvokeFunction", named("spillway-dev-Operate"))).toBe(false);
        const unknown = dev().filter(
          ({ type }) => !type.startsWith("sst:") && rightsByResource[type] === undefined,
        );
        expect(unknown).toEqual([]);
        const kept = rights("spillway-production", true).flatMap(({ actions }) => actions);
        expect(kept).not.toContain("lambda:InvokeFunction");
      });

      it("run migrations in a network of yours, where the config names one", () => {
        expect(dev().some(({ type }) => type === "aws:ec2/securityGroup:SecurityGroup")).toBe(false);
        expect(inputsOf("aws:dynamodb/tableItem:TableItem", "Installation").item).toContain("subnet-0a");
      });

      it("run them in a cluster of yours, where the config names one, and may touch no other", () => {
        const clusters = (resources: readonly Resource[]) =>
          resources.filter(({ type }) => type === "aws:ecs/cluster:Cluster").map(({ inputs }) => inputs.name);
        expect(clusters(stages[0]?.resources ?? [])).toEqual(["spillway-production"]);
        expect(clusters(dev())).toEqual([]);
        const { item } = inputsOf("aws:dynamodb/tableItem:TableItem", "Installation");
        expect(readInstallation(item).resources.cluster).toBe("shared");
        const heard = JSON.parse(inputsOf("aws:cloudwatch/eventRule:EventRule", "TaskStopped").eventPattern);
        expect(heard.detail).toMatchObject({
          clusterArn: [{ suffix: ":cluster/shared" }],
          group: [{ prefix: "family:spillway-dev-" }],
        });
        const role = dev().find(
          ({ type, name }) => type === "aws:iam/role:Role" && name === "StopMigrationRole",
        );
        const granted = role === undefined ? [] : policiesOf(dev(), role).flatMap(statementsOf);
        const task = (cluster: string) => `arn:aws:ecs:eu-central-1:123456789012:task/${cluster}/0b4c`;
        expect(allows(granted, "ecs:StopTask", task("shared"))).toBe(true);
        expect(allows(granted, "ecs:StopTask", task("spillway-dev"))).toBe(false);
      });

      it("let services reach that network, where the config says so", () => {
        const connector = inputsOf("aws:apprunner/vpcConnector:VpcConnector", "TargetNetwork");
        expect(connector).toMatchObject({
          vpcConnectorName: "spillway-dev",
          subnets: ["subnet-0a"],
          securityGroups: ["sg-0a"],
        });
        expect(inputsOf("aws:dynamodb/tableItem:TableItem", "Installation").item).toContain(
          ":vpcconnector/spillway-dev/1/",
        );
        const role = dev().find(
          ({ type, name }) => type === "aws:iam/role:Role" && name === "StartDeploymentRole",
        );
        const granted = role === undefined ? [] : policiesOf(dev(), role).flatMap(statementsOf);
        const arn = "arn:aws:apprunner:eu-central-1:123456789012:vpcconnector/spillway-dev/1/one";
        expect(allows(granted, "apprunner:UpdateService", arn)).toBe(true);
      });

      it("build on what the config says: Lambda, a network of yours, the platform of the image", () => {
        const project = (stage: string) =>
          inputsOf("aws:codebuild/project:Project", `Build-spillway-dev-web-${stage}`);
        const onLambda = project("static-analysis");
        expect(onLambda).toMatchObject({
          environment: {
            type: "ARM_LAMBDA_CONTAINER",
            computeType: "BUILD_LAMBDA_2GB",
            privilegedMode: false,
          },
          cache: { type: "NO_CACHE" },
        });
        for (const member of ["buildTimeout", "queuedTimeout", "vpcConfig"])
          expect(onLambda).not.toHaveProperty(member);
        expect(project("integration-tests")).toMatchObject({
          environment: { type: "ARM_CONTAINER", privilegedMode: false },
          vpcConfig: { vpcId: "vpc-0a", subnets: ["subnet-0a"], securityGroupIds: ["sg-0a"] },
        });
        expect(project("build-image")).toMatchObject({
          environment: { type: "ARM_CONTAINER", privilegedMode: true },
          buildTimeout: 15,
        });
        expect(project("build-image")).not.toHaveProperty("vpcConfig");
      });

      it("let builds join only the network of the config, and only CodeBuild use what they make there", () => {
        const granted = (stage: string) => {
          const role = dev().find(
            ({ type, name }) => type === "aws:iam/role:Role" && name === `Build-spillway-dev-web-${stage}`,
          );
          return role === undefined ? [] : policiesOf(dev(), role).flatMap(statementsOf);
        };
        const inNetwork = granted("integration-tests");
        const at = (rest: string) => `arn:aws:ec2:eu-central-1:123456789012:${rest}`;
        for (const place of ["subnet/subnet-0a", "security-group/sg-0a", "network-interface/eni-1"])
          expect(allows(inNetwork, "ec2:CreateNetworkInterface", at(place)), place).toBe(true);
        for (const place of ["subnet/subnet-0b", "security-group/sg-0b"])
          expect(allows(inNetwork, "ec2:CreateNetworkInterface", at(place)), place).toBe(false);
        const given = inNetwork.find(({ actions }) =>
          actions.includes("ec2:CreateNetworkInterfacePermission"),
        );
        expect(given?.conditions).toEqual({
          ArnEquals: { "ec2:Subnet": [at("subnet/subnet-0a")] },
          StringEquals: { "ec2:AuthorizedService": ["codebuild.amazonaws.com"] },
        });
        const actions = granted("unit-tests").flatMap(({ actions }) => actions);
        expect(actions.filter((action) => action.startsWith("ec2:"))).toEqual([]);
      });

      it("tell people by mail", () => {
        const subscription = inputsOf(
          "aws:sns/topicSubscription:TopicSubscription",
          "Notifications-on-call@example.com",
        );
        expect(subscription).toMatchObject({ protocol: "email", endpoint: "on-call@example.com" });
      });

      it("let only trusted accounts ask for releases, and for nothing else", () => {
        const policy = JSON.parse(
          inputsOf("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "BusPolicy").policy,
        );
        expect(policy.Statement).toHaveLength(1);
        expect(policy.Statement[0]).toMatchObject({
          Principal: { AWS: ["arn:aws:iam::210987654321:root"] },
          Action: "events:PutEvents",
          Condition: { StringEquals: { "events:detail-type": "Release Requested" } },
        });
        const pattern = JSON.parse(
          inputsOf("aws:cloudwatch/eventRule:EventRule", "ReleaseRequested").eventPattern,
        );
        expect(pattern.account).toEqual(["123456789012", "210987654321"]);
      });
    });

    describe("what cannot work is refused before anything is made", () => {
      const refused: [string, Account, RegExp[]][] = [
        [
          "a missing secret",
          { missingSecrets: ["web/production/database"] },
          [
            /secret web\/production\/database.*not in account 123456789012, region eu-central-1/,
            /aws secretsmanager create-secret/,
          ],
        ],
        [
          "a repository of somebody else",
          { repositories: { web: "" } },
          [/ECR repository web is already in account 123456789012/, /Name another repository/],
        ],
        [
          "an account that never used App Runner",
          { appRunner: { status: 200, body: { ServiceSummaryList: [] } } },
          [/closed to new customers/, /aws\.appRunner: "existing-customer"/],
        ],
        [
          "an account that App Runner refuses",
          { appRunner: { status: 400, body: { __type: "AccessDeniedException", message: "no" } } },
          [/App Runner refuses account 123456789012/, /ECS Express Mode/],
        ],
        [
          "an upgrade that takes a function away which an open execution calls",
          {
            openExecutions: {
              "arn:aws:states:eu-central-1:123456789012:execution:spillway-production-DeployMachine:one":
                '"arn:aws:lambda:eu-central-1:123456789012:function:spillway-production-OfBefore:7"',
            },
          },
          [/DeployMachine:one is under way and calls spillway-production-OfBefore/],
        ],
        ["an account without a default VPC", { defaultVpc: false }, [/no default VPC/, /aws\.network/]],
      ];
      it.each(refused)("%s", async (_, account, words) => {
        const message = await refusal(account);
        for (const word of words) expect(message).toMatch(word);
      });

      it("the wrong region, before anything else is said", async () => {
        const config = await configWith({ region: "us-east-1" });
        const message = await refusal({ config, missingSecrets: ["web/production/database"] });
        expect(message).toMatch(
          /region is eu-central-1, but spillway.config.ts says aws.region us-east-1; set AWS_REGION=us-east-1/,
        );
        expect(message).not.toMatch(/secret/);
      });
    });
  },
);

async function configWith(aws: ConfigInput["aws"]): Promise<ConfigInput> {
  const { default: config } = await import("../../spillway.config.ts");
  return { ...structuredClone(config), aws };
}
