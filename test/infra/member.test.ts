import { beforeAll, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../core/config.ts";
import { AccountResources } from "../../core/records.ts";
import { compilePattern } from "../../local/eventbridge/index.ts";
import { samples } from "./events.ts";
import { readInstallation } from "./installation-record.ts";
import { platformMissing } from "./platform.ts";
import { allows, policiesOf, statementsOf } from "./policies.ts";
import { everyStatement, unknownActions, unreasonedWildcards } from "./policy-rules.ts";
import type { Account, Inputs, Resource } from "./pulumi.ts";
import { smallConfig } from "./small-config.ts";

const home = "123456789012";
const away = "210987654321";
const externalId = "3f2a91c0d4e5";

/** The small config with production in an account of its own, and staging at home. */
function config(account: object = {}): ConfigInput {
  const web = smallConfig.services.web;
  const production = web?.environments.production;
  if (web === undefined || production === undefined) throw new Error("the small config has no production");
  const staging = { ...production, target: { kind: "apprunner" as const }, database: "none" as const };
  return {
    aws: { account: home },
    services: {
      web: {
        ...web,
        environments: {
          staging,
          production: { ...production, account: { id: away, externalId, ...account } },
        },
        waves: [["staging"], ["production"]],
      },
    },
  };
}

const title = "an installation with an environment in another account";

describe.skipIf(platformMissing)(
  platformMissing === undefined ? title : `${title} (${platformMissing})`,
  () => {
    const run = async (account: Account) => (await import("./pulumi.ts")).runApp(account);
    const refusal = (account: Account): Promise<string> =>
      run(account).then(
        () => "made",
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
    let there: readonly Resource[] = [];
    let here: readonly Resource[] = [];
    let said = "";
    beforeAll(async () => {
      ({ resources: there } = await run({ config: config(), accountId: away }));
      said = inputsOf(there, "aws:ssm/parameter:Parameter", "Member").insecureValue;
      ({ resources: here } = await run({ config: config(), members: { [away]: said } }));
    }, 120_000);

    const inputsOf = (resources: readonly Resource[], type: string, name: string): Inputs => {
      const found = resources.find((resource) => resource.type === type && resource.name === name);
      if (found === undefined) throw new Error(`there is no ${type} named ${name}`);
      return found.inputs;
    };
    const roleNamed = (resources: readonly Resource[], name: string) => {
      const role = resources.find(({ type, inputs }) => type === "aws:iam/role:Role" && inputs.name === name);
      if (role === undefined) throw new Error(`there is no role ${name}`);
      return { role, statements: policiesOf(resources, role).flatMap(statementsOf) };
    };

    it("makes in that account what its environments need, and nothing of the installation itself", () => {
      const types = new Set(there.map(({ type }) => type));
      for (const type of [
        "aws:ecs/cluster:Cluster",
        "aws:logs/logGroup:LogGroup",
        "aws:ssm/parameter:Parameter",
      ])
        expect([...types].join(" ")).toContain(type.split(":").at(-1));
      for (const type of [
        "aws:dynamodb/table:Table",
        "aws:sfn/stateMachine:StateMachine",
        "aws:lambda/function:Function",
        "aws:ecr/repository:Repository",
        "aws:codebuild/project:Project",
        "aws:cloudwatch/eventBus:EventBus",
      ])
        expect([...types]).not.toContain(type);
      expect(there.some(({ name }) => name.includes("staging"))).toBe(false);
    });

    it("tells there, for the deployment at home, everything by its ARN", () => {
      expect(AccountResources.parse(JSON.parse(said))).toMatchObject({
        cluster: "spillway-production",
        subnets: ["subnet-1", "subnet-2"],
        migrationLogGroup: "/spillway/spillway-production/migrations",
        environmentRoles: {
          "web/production": {
            instance: expect.stringContaining(`arn:aws:iam::${away}:role/`),
            migrationExecution: expect.stringContaining(`arn:aws:iam::${away}:role/`),
          },
        },
        secrets: {
          "web/production/database": `arn:aws:secretsmanager:eu-central-1:${away}:secret:web/production/database-AbCdEf`,
        },
      });
      const { resources } = readInstallation(
        inputsOf(here, "aws:dynamodb/tableItem:TableItem", "Installation").item,
      );
      expect(resources.members?.[away]).toMatchObject({
        ...JSON.parse(said),
        access: { roleArn: `arn:aws:iam::${away}:role/spillway-production-member`, externalId },
      });
      expect(Object.keys(resources.environmentRoles)).toEqual(["web/staging"]);
      expect(resources.secrets).toEqual({});
    });

    it("lets in only functions of the installation that say the external id", () => {
      const { role } = roleNamed(there, "spillway-production-member");
      expect(JSON.parse(role.inputs.assumeRolePolicy).Statement).toEqual([
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { AWS: `arn:aws:iam::${home}:root` },
          Condition: {
            StringEquals: { "sts:ExternalId": externalId },
            ArnLike: { "aws:PrincipalArn": `arn:aws:iam::${home}:role/spillway-production-*` },
          },
        },
      ]);
    });

    it("lets them do there what they may do at home, and nothing else", () => {
      const { statements } = roleNamed(there, "spillway-production-member");
      const at = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:${away}:${rest}`;
      const service = at("apprunner", "service/spillway-production-web-production/one");
      expect(allows(statements, "apprunner:UpdateService", service)).toBe(true);
      expect(
        allows(
          statements,
          "ecs:RunTask",
          at("ecs", "task-definition/spillway-production-web-production-migration:1"),
        ),
      ).toBe(true);
      expect(
        allows(
          statements,
          "logs:GetLogEvents",
          at("logs", "log-group:/spillway/spillway-production/migrations:log-stream:one"),
        ),
      ).toBe(true);
      for (const action of statements.flatMap(({ actions }) => actions))
        expect(action).toMatch(/^(apprunner|cloudwatch|ecs|logs):|^iam:PassRole$/);
      for (const { actions, resources } of statements)
        for (const resource of resources)
          if (resource !== "*") expect(resource, actions[0]).toContain(`:${away}:`);
      expect(
        allows(statements, "apprunner:UpdateService", at("apprunner", "service/somebody-elses/one")),
      ).toBe(false);
      expect(
        allows(
          statements,
          "secretsmanager:GetSecretValue",
          at("secretsmanager", "secret:web/production/database-AbCdEf"),
        ),
      ).toBe(false);
    });

    it("lets a deployment at home read that one parameter, and nothing else", () => {
      const { role, statements } = roleNamed(there, "spillway-production-member-reader");
      expect(JSON.parse(role.inputs.assumeRolePolicy).Statement[0].Condition).toEqual({
        StringEquals: { "sts:ExternalId": externalId },
      });
      expect(statements.map(({ actions, resources }) => ({ actions, resources }))).toEqual([
        {
          actions: ["ssm:GetParameter"],
          resources: [`arn:aws:ssm:eu-central-1:${away}:parameter/spillway-production/member`],
        },
      ]);
    });

    it("gives the way in to the functions that act in environments, and to no other", () => {
      const entering = everyStatement(here).filter(({ actions }) => actions.includes("sts:AssumeRole"));
      for (const { resources } of entering)
        expect(resources).toEqual([`arn:aws:iam::${away}:role/spillway-production-member`]);
      const names = entering.map(({ role }) => role);
      expect(names).toEqual(
        expect.arrayContaining([
          "StartDeploymentRole",
          "CheckHealthRole",
          "CompleteWaitRole",
          "ReconcileRole",
        ]),
      );
      for (const name of ["AdmitReleaseRole", "RunStageRole", "RecordDeploymentRole"])
        expect(names).not.toContain(name);
    });

    it("keeps every rule of a policy there, too", async () => {
      const statements = everyStatement(there);
      const { problems, checked } = await unknownActions(statements);
      expect(problems).toEqual([]);
      expect(checked).toBeGreaterThan(15);
      expect(unreasonedWildcards(statements)).toEqual([]);
      const handed = statements.filter(({ actions }) => actions.includes("iam:PassRole"));
      const services = handed.map(({ conditions }) => conditions.StringEquals?.["iam:PassedToService"]);
      expect(services).toEqual([
        ["ecs-tasks.amazonaws.com"],
        ["build.apprunner.amazonaws.com", "apprunner.amazonaws.com"],
        ["tasks.apprunner.amazonaws.com", "apprunner.amazonaws.com"],
      ]);
    });

    it("keeps each environment's secrets to its own roles", () => {
      const readers = everyStatement(there).filter(({ actions }) =>
        actions.some((action) => action.startsWith("secretsmanager:")),
      );
      expect(readers.map(({ role }) => role).toSorted()).toEqual([
        "MigrationExecution-web-production",
        "TargetInstance-web-production",
      ]);
    });

    describe("the events", () => {
      const forwards = ["TaskStopped", "TargetOperationEnded"];
      const patternOf = (resources: readonly Resource[], name: string) =>
        compilePattern(inputsOf(resources, "aws:cloudwatch/eventRule:EventRule", name).eventPattern);
      const asOf = (event: object, account: string) => ({ ...event, account });

      it("of work there are forwarded, and none of other work", () => {
        const given = samples("spillway-production", "web");
        for (const name of forwards) {
          const { matches } = patternOf(there, `Member${name}`);
          for (const event of given[name]?.heard ?? []) expect(matches(asOf(event, away)), name).toBe(true);
          for (const event of given[name]?.missed ?? []) expect(matches(asOf(event, away)), name).toBe(false);
        }
      });

      it("go to the installation's bus by a role that may put them there only, and are kept if they cannot", () => {
        const bus = `arn:aws:events:eu-central-1:${home}:event-bus/spillway-production`;
        for (const name of forwards) {
          const target = inputsOf(there, "aws:cloudwatch/eventTarget:EventTarget", `Member${name}Target`);
          expect(target.arn).toBe(bus);
          const role = there.find(
            ({ type, name }) => type === "aws:iam/role:Role" && target.roleArn.endsWith(`/${name}`),
          );
          const granted = role === undefined ? [] : policiesOf(there, role).flatMap(statementsOf);
          expect(granted).toEqual([
            { effect: "Allow", actions: ["events:PutEvents"], resources: [bus], conditions: {} },
          ]);
          const queue = inputsOf(there, "aws:sqs/queue:Queue", `Member${name}DeadLetters`);
          expect(target.deadLetterConfig.arn).toBe(`arn:aws:sqs:eu-central-1:${away}:${queue.name}`);
          const alarm = inputsOf(
            there,
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            `DeadLetters-Member${name}`,
          );
          expect(alarm.dimensions.QueueName).toBe(queue.name);
        }
      });

      it("are taken by the bus from that account, and nothing else is", () => {
        const { policy } = inputsOf(here, "aws:cloudwatch/eventBusPolicy:EventBusPolicy", "BusPolicy");
        expect(JSON.parse(policy).Statement).toEqual([
          {
            Sid: "MembersForwardTheirEvents",
            Effect: "Allow",
            Principal: { AWS: [`arn:aws:iam::${away}:root`] },
            Action: "events:PutEvents",
            Resource: `arn:aws:events:eu-central-1:${home}:event-bus/spillway-production`,
            Condition: {
              StringEquals: {
                "events:source": ["aws.ecs", "aws.apprunner"],
                "events:detail-type": ["ECS Task State Change", "AppRunner Service Operation Status Change"],
              },
            },
          },
        ]);
      });

      it("are heard at home from that account only, and wake who waits", () => {
        const given = samples("spillway-production", "web");
        for (const name of forwards) {
          const { matches } = patternOf(here, `Member${name}`);
          for (const event of given[name]?.heard ?? []) {
            expect(matches(asOf(event, away)), name).toBe(true);
            for (const account of [home, "999999999999"])
              expect(matches(asOf(event, account)), name).toBe(false);
          }
          for (const event of given[name]?.missed ?? []) expect(matches(asOf(event, away)), name).toBe(false);
          const target = inputsOf(here, "aws:cloudwatch/eventTarget:EventTarget", `Member${name}Target`);
          expect(target.arn).toContain(":function:spillway-production-CompleteWait");
        }
      });
    });

    it("lets that account pull the images of what runs there", () => {
      for (const repository of ["web", "web-migrate"]) {
        const { policy } = inputsOf(
          here,
          "aws:ecr/repositoryPolicy:RepositoryPolicy",
          `RepositoryPolicy-${repository}`,
        );
        expect(JSON.parse(policy).Statement).toEqual([
          expect.objectContaining({
            Principal: { AWS: [`arn:aws:iam::${away}:root`] },
            Action: expect.arrayContaining(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
          }),
        ]);
        expect(policy).not.toMatch(/Put|Upload|Delete/);
      }
      const pulls = everyStatement(there).filter(({ actions }) => actions.includes("ecr:BatchGetImage"));
      expect(pulls.length).toBe(2);
      for (const { resources } of pulls)
        for (const resource of resources)
          expect(resource).toMatch(new RegExp(`^arn:aws:ecr:eu-central-1:${home}:repository/`));
    });

    describe("cannot be deployed, in words,", () => {
      it.each<[string, Account, RegExp]>([
        [
          "at home before that account is, or with another external id",
          { config: config() },
          /account 210987654321 does not say what there is .*Cannot assume IAM Role.*Deploy with credentials of 210987654321 first/s,
        ],
        [
          "at home when the config grew since",
          { config: config(), members: { [away]: JSON.stringify(empty()) } },
          /does not have the environment web\/production, the secret web\/production\/database of the config yet/,
        ],
        [
          "there without its secrets",
          { config: config(), accountId: away, missingSecrets: ["web/production/database"] },
          /secret web\/production\/database, which is not in account 210987654321/,
        ],
        [
          "there without a network",
          { config: config(), accountId: away, defaultVpc: false },
          /no default VPC in account 210987654321.*say account\.network/,
        ],
        [
          "there where App Runner was never used",
          { config: config(), accountId: away, appRunner: { status: 200, body: { ServiceSummaryList: [] } } },
          /App Runner has no service in account 210987654321.*account\.appRunner/,
        ],
        [
          "in an account that is neither",
          { config: config(), accountId: "999999999999" },
          /credentials are for account 999999999999, but spillway.config.ts says aws.account 123456789012/,
        ],
      ])("%s", async (_, account, words) => {
        expect(await refusal(account)).toMatch(words);
      });

      it("and takes a network and an old customer's word for that account from where it is described", async () => {
        const network = { subnets: ["subnet-0b"], securityGroups: ["sg-0b"], services: true };
        const { resources } = await run({
          config: config({ network, appRunner: "existing-customer" }),
          accountId: away,
          defaultVpc: false,
          appRunner: { status: 200, body: { ServiceSummaryList: [] } },
        });
        expect(inputsOf(resources, "aws:ssm/parameter:Parameter", "Member").insecureValue).toContain(
          "subnet-0b",
        );
        expect(inputsOf(resources, "aws:apprunner/vpcConnector:VpcConnector", "TargetNetwork")).toMatchObject(
          {
            subnets: ["subnet-0b"],
          },
        );
      });
    });
  },
);

/** An account that was deployed to when the config had no environment there. */
function empty(): AccountResources {
  return {
    ...{ cluster: "spillway-production", subnets: [], securityGroups: [], publicAddress: true },
    ...{ migrationTaskRoleArn: "", appRunnerAccessRoleArn: "", environmentRoles: {} },
    ...{ migrationLogGroup: "", secrets: {} },
  };
}
