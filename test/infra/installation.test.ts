import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { taggedImagesKept } from "../../core/retention.ts";
import { describeApplication } from "../../infra/application.ts";
import type { Statement as GrantedStatement } from "../../infra/arns.ts";
import { placeholdersOf } from "../../infra/render.ts";
import { functionStatements, machineStatements } from "../../infra/roles.ts";
import { compilePattern } from "../../local/eventbridge/index.ts";
import config from "../../spillway.config.ts";
import { allStates, parseMachine } from "../state-machines/states.ts";
import { samples } from "./events.ts";
import { readInstallation } from "./installation-record.ts";
import { platformMissing, root } from "./platform.ts";
import { allows, covers, policiesOf, type Statement, statementsOf } from "./policies.ts";
import { everyStatement, unknownActions, unreasonedWildcards } from "./policy-rules.ts";
import type { Inputs, Resource } from "./pulumi.ts";

const title = "an installation in AWS, made by SST's components";
const here = "eu-central-1:123456789012";

describe.skipIf(platformMissing)(
  platformMissing === undefined ? title : `${title} (${platformMissing})`,
  () => {
    let resources: readonly Resource[] = [];
    let outputs: Inputs = {};
    beforeAll(async () => {
      const { runApp } = await import("./pulumi.ts");
      ({ resources, outputs } = await runApp({ stage: "production" }));
    }, 120_000);

    const all = (type: string) => resources.filter((resource) => resource.type === type);
    const one = (type: string, name: string): Resource => {
      const found = all(type).find((resource) => resource.name === name);
      if (found === undefined) throw new Error(`there is no ${type} named ${name}`);
      return found;
    };
    const roles = () => all("aws:iam/role:Role");
    const statements = (role: Resource): Statement[] => policiesOf(resources, role).flatMap(statementsOf);
    const roleOf = (arn: string): Resource => {
      const found = roles().find(({ name }) => arn === `arn:aws:iam::123456789012:role/${name}`);
      if (found === undefined) throw new Error(`there is no role ${arn}`);
      return found;
    };
    describe("its machines", () => {
      const machines = () => all("aws:sfn/stateMachine:StateMachine");

      it("have no placeholder left, and call published versions", () => {
        expect(
          machines()
            .map(({ name }) => name)
            .toSorted(),
        ).toEqual(["DeployMachine", "ReleaseMachine"]);
        for (const { inputs } of machines()) {
          expect(inputs.definition).not.toMatch(/\$\{|undefined|Calling \[toString\]/);
          for (const [state, { Arguments }] of allStates(parseMachine(inputs.definition)))
            if (Arguments?.FunctionName !== undefined)
              expect(Arguments.FunctionName, state).toBe(
                `arn:aws:lambda:${here}:function:spillway-production-${state}:7`,
              );
        }
      });

      it("may do what each of their Tasks does", () => {
        let tasks = 0;
        for (const { inputs } of machines()) {
          const granted = statements(roleOf(inputs.roleArn));
          for (const [state, task] of allStates(parseMachine(inputs.definition))) {
            if (task.Type !== "Task") continue;
            tasks++;
            for (const [action, resource] of needsOf(String(task.Resource), task.Arguments ?? {}))
              expect(allows(granted, action, resource), `${state}: ${action} on ${resource}`).toBe(true);
          }
        }
        expect(tasks).toBeGreaterThan(14);
      });

      it("may call no function that none of their states calls", () => {
        for (const { inputs } of machines()) {
          const called = allStates(parseMachine(inputs.definition)).map(
            ([, { Arguments }]) => Arguments?.FunctionName,
          );
          for (const { actions, resources } of statements(roleOf(inputs.roleArn)))
            if (actions.includes("lambda:InvokeFunction"))
              for (const resource of resources) expect(called).toContain(resource.replace(/\*$/, "7"));
        }
      });

      it("log without the data of executions, which holds task tokens", () => {
        for (const { inputs } of machines())
          expect(inputs.loggingConfiguration).toMatchObject({ includeExecutionData: false, level: "ERROR" });
      });
    });

    describe("its rules", () => {
      const targets = () => all("aws:cloudwatch/eventTarget:EventTarget");
      const ruleOf = ({ inputs }: Resource) => {
        const rule = all("aws:cloudwatch/eventRule:EventRule").find(
          ({ inputs: { name } }) => name === inputs.rule,
        );
        if (rule === undefined) throw new Error(`there is no rule ${inputs.rule}`);
        return rule;
      };

      it("may each start what they target, and nothing else", () => {
        expect(targets().length).toBeGreaterThan(5);
        for (const target of targets()) {
          const { arn, roleArn } = target.inputs;
          if (arn.includes(":stateMachine:"))
            expect(statements(roleOf(roleArn)), target.name).toEqual([
              { effect: "Allow", actions: ["states:StartExecution"], resources: [arn], conditions: {} },
            ]);
          else if (arn.includes(":sns:")) {
            const [, allowed] = JSON.parse(
              one("aws:sns/topicPolicy:TopicPolicy", "NotificationsPolicy").inputs.policy,
            ).Statement;
            expect(allowed, target.name).toMatchObject({
              ...{ Principal: { Service: "events.amazonaws.com" }, Action: "sns:Publish", Resource: arn },
              Condition: { ArnEquals: { "aws:SourceArn": expect.stringMatching(/-ApprovalRequested$/) } },
            });
          } else {
            const permission = all("aws:lambda/permission:Permission").find(({ inputs }) =>
              covers(`*:rule/${ruleOf(target).inputs.name}`, inputs.sourceArn),
            );
            expect(permission?.inputs, target.name).toMatchObject({
              action: "lambda:InvokeFunction",
              principal: "events.amazonaws.com",
              function: arn.split(":").pop(),
              sourceAccount: "123456789012",
            });
          }
        }
      });

      it("keep what they cannot deliver, where they may, with an alarm", () => {
        for (const target of targets()) {
          const queue = all("aws:sqs/queue:Queue").find(
            ({ inputs }) => target.inputs.deadLetterConfig.arn === `arn:aws:sqs:${here}:${inputs.name}`,
          );
          const policy = all("aws:sqs/queuePolicy:QueuePolicy").find(
            ({ name }) => name === `${queue?.name}Policy`,
          );
          const [statement] = JSON.parse(policy?.inputs.policy).Statement;
          expect(statement.Condition.ArnEquals["aws:SourceArn"]).toMatch(
            new RegExp(`${target.inputs.rule}$`),
          );
          expect(statement.Resource).toBe(target.inputs.deadLetterConfig.arn);
          const alarms = all("aws:cloudwatch/metricAlarm:MetricAlarm").map(
            ({ inputs }) => inputs.dimensions.QueueName,
          );
          expect(alarms).toContain(queue?.inputs.name);
        }
      });

      it("match what AWS sends, and none of its near misses", () => {
        const given = samples("spillway-production", "web");
        const patterns = all("aws:cloudwatch/eventRule:EventRule").filter(
          ({ inputs }) => inputs.eventPattern !== undefined,
        );
        expect(patterns.map(({ name }) => name).toSorted()).toEqual(Object.keys(given).toSorted());
        for (const { name, inputs } of patterns) {
          expect(inputs.eventPattern.length, name).toBeLessThanOrEqual(2048);
          const { matches } = compilePattern(inputs.eventPattern);
          for (const event of given[name]?.heard ?? [])
            expect(matches(event), `${name} hears ${JSON.stringify(event)}`).toBe(true);
          for (const event of given[name]?.missed ?? [])
            expect(matches(event), `${name} hears ${JSON.stringify(event)}`).toBe(false);
        }
      });
    });

    describe("its operator door", () => {
      const urls = () => all("aws:lambda/functionUrl:FunctionUrl");

      it("asks for a signature, is open to no web page, and is the only one", () => {
        expect(urls().map(({ inputs }) => inputs)).toEqual([
          {
            functionName: "spillway-production-Operate",
            authorizationType: "AWS_IAM",
            invokeMode: "BUFFERED",
          },
        ]);
        expect(outputs.operatorDoor).toMatch(/^https:/);
      });

      it("lets nobody call its function past the URL, where a caller could say to be somebody else", () => {
        const operate = `arn:aws:lambda:${here}:function:spillway-production-Operate`;
        const { inputs } = one("aws:iam/policy:Policy", "Operators");
        const condition = { Bool: { "lambda:InvokedViaFunctionUrl": ["true"] } };
        expect(JSON.parse(inputs.policy).Statement).toEqual([
          {
            Effect: "Allow",
            Action: ["lambda:InvokeFunctionUrl"],
            Resource: [operate],
            Condition: { StringEquals: { "lambda:FunctionUrlAuthType": ["AWS_IAM"] } },
          },
          { Effect: "Allow", Action: ["lambda:InvokeFunction"], Resource: [operate], Condition: condition },
          { Effect: "Allow", Action: ["lambda:GetFunctionUrlConfig"], Resource: [operate] },
        ]);
        for (const { role, actions, resources: on } of everyStatement(resources))
          if (actions.includes("lambda:InvokeFunction"))
            expect(
              on.some((resource) => covers(resource, operate)),
              role,
            ).toBe(false);
        for (const { inputs } of all("aws:lambda/permission:Permission"))
          expect(inputs.function).not.toBe("spillway-production-Operate");
      });
    });

    describe("its policies", () => {
      it("are, word for word, those to which the local AWS holds what runs there", () => {
        const application = describeApplication(parseConfig(config), "spillway-production", {
          permanent: true,
        });
        const named = (pattern: RegExp) =>
          roles().flatMap(({ name }) => (pattern.test(name) ? `arn:aws:iam::123456789012:role/${name}` : []));
        const place = {
          ...{ partition: "aws", region: "eu-central-1", account: "123456789012" },
          roles: {
            "migration-roles": named(/^Migration(Task|Execution-)/),
            "target-access-role": named(/^TargetAccess$/),
            "target-instance-roles": named(/^TargetInstance-/),
          },
        };
        const asRead = (said: readonly GrantedStatement[]): Statement[] =>
          said.flatMap(({ actions, resources, conditions }) => {
            const Condition = Object.fromEntries(
              conditions.map(({ test, variable, values }) => [test, { [variable]: values }]),
            );
            return resources.length === 0
              ? []
              : { effect: "Allow", actions, resources, conditions: Condition };
          });
        for (const fn of application.functions)
          expect(statements(one("aws:iam/role:Role", `${fn.name}Role`)), fn.name).toEqual(
            asRead(functionStatements(fn, application, place)),
          );
        for (const [name, file] of Object.entries(application.machines)) {
          const placeholders = placeholdersOf(readFileSync(join(root, file), "utf8"));
          expect(statements(one("aws:iam/role:Role", name)), name).toEqual(
            asRead(machineStatements(placeholders, application, place)),
          );
        }
      });

      it("name only actions that exist, on resources that these actions have", async () => {
        const { problems, checked } = await unknownActions(everyStatement(resources));
        expect(problems).toEqual([]);
        expect(checked).toBeGreaterThan(30);
      });

      it("let services of AWS act for this account only, and what they are for", () => {
        const account = "123456789012";
        const unbound = roles().flatMap(({ name, inputs }) => {
          const [{ Principal, Condition }] = JSON.parse(inputs.assumeRolePolicy).Statement;
          return Condition?.StringEquals?.["aws:SourceAccount"] === account
            ? []
            : `${Principal.Service}: ${name.replace(/^(TargetInstance)-.*|^(.*)Role$/, "$1")}`;
        });
        // Lambda names no account when it takes a role, nor does App Runner.
        expect([...new Set(unbound)].toSorted()).toEqual([
          "build.apprunner.amazonaws.com: TargetAccess",
          "lambda.amazonaws.com: ",
          "tasks.apprunner.amazonaws.com: TargetInstance",
        ]);
        const policies = ["aws:sqs/queuePolicy:QueuePolicy", "aws:sns/topicPolicy:TopicPolicy"].flatMap(all);
        expect(policies.length).toBeGreaterThan(10);
        for (const { name, inputs } of policies)
          for (const { Principal, Condition } of JSON.parse(inputs.policy).Statement) {
            expect(Object.keys(Principal), name).toEqual(["Service"]);
            const { StringEquals, ArnEquals } = Condition;
            const of = StringEquals?.["aws:SourceAccount"] ?? ArnEquals["aws:SourceArn"].split(":")[4];
            expect(of, name).toBe(account);
          }
        const permissions = all("aws:lambda/permission:Permission");
        expect(permissions.length).toBeGreaterThan(5);
        for (const { name, inputs } of permissions) {
          expect(inputs.sourceAccount, name).toBe(account);
          expect(inputs.sourceArn, name).toMatch(
            /^arn:aws:events:eu-central-1:123456789012:rule\/spillway-production-/,
          );
        }
      });

      it("say * only where nothing narrower works", () => {
        expect(unreasonedWildcards(everyStatement(resources))).toEqual([]);
      });

      it("fit into a role", () => {
        for (const role of roles()) {
          expect(
            policiesOf(resources, role).join("").replace(/\s/g, "").length,
            role.name,
          ).toBeLessThanOrEqual(10_240);
          expect(role.inputs.managedPolicyArns ?? [], role.name).toEqual([]);
        }
      });

      it("let a function hand on only our roles, to the service they are for", () => {
        const passes = everyStatement(resources).filter(({ actions }) => actions.includes("iam:PassRole"));
        expect(passes.length).toBeGreaterThan(3);
        for (const { role, resources, conditions } of passes) {
          const services = [conditions.StringEquals?.["iam:PassedToService"] ?? []].flat();
          expect(services.length, role).toBeGreaterThan(0);
          for (const resource of resources) {
            const [trust] = JSON.parse(roleOf(resource).inputs.assumeRolePolicy).Statement;
            expect(services, `${role} hands on ${resource}`).toContain(trust.Principal.Service);
          }
        }
      });

      it("give the scan of an image no secret and no right to change anything", () => {
        const granted = statements(one("aws:iam/role:Role", "Build-spillway-production-web-security-scan"));
        const actions = granted.flatMap(({ actions }) => actions);
        expect(actions.filter((action) => !/^(logs|codebuild|s3|ecr):/.test(action))).toEqual([]);
        expect(
          actions.filter((action) => /ecr:(Put|Initiate|Upload|Complete)|codebuild:Start/.test(action)),
        ).toEqual([]);
      });

      it("keep the secrets of each environment and stage to their own role", () => {
        const { environments, projects } = describeApplication(parseConfig(config), "spillway-production", {
          permanent: true,
        });
        const expected = new Map<string, readonly string[]>([
          ...environments.map((one): [string, readonly string[]] => [
            `TargetInstance-${one.service}-${one.environment}`,
            one.secrets,
          ]),
          ...environments.map((one): [string, readonly string[]] => [
            `MigrationExecution-${one.service}-${one.environment}`,
            one.migrationSecrets,
          ]),
          ...projects.map(({ name, secrets }): [string, readonly string[]] => [`Build-${name}`, secrets]),
        ]);
        for (const { role, actions, resources: on } of everyStatement(resources)) {
          if (!actions.some((action) => action.startsWith("secretsmanager:"))) continue;
          const names = on.map((arn) =>
            arn.replace(`arn:aws:secretsmanager:${here}:secret:`, "").slice(0, -7),
          );
          expect(names, role).toEqual(expected.get(role));
          expected.delete(role);
        }
        expect([...expected].filter(([, secrets]) => secrets.length > 0)).toEqual([]);
      });
    });

    it("writes a record from which its functions can read the config and where everything is", () => {
      const { item } = one("aws:dynamodb/tableItem:TableItem", "Installation").inputs;
      const { config, resources } = readInstallation(item);
      expect(Object.keys(config.services)).toEqual(["web"]);
      expect(resources).toMatchObject({
        prefix: "spillway-production",
        subnets: ["subnet-1", "subnet-2"],
        publicAddress: true,
        secrets: {
          "web/production/database": `arn:aws:secretsmanager:${here}:secret:web/production/database-AbCdEf`,
        },
        registry: "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
      });
      expect(JSON.stringify(resources)).not.toMatch(/Calling \[toString\]|undefined/);
    });

    it("tells every function where the records are, and runs the bytes of npm run build", () => {
      const functions = all("aws:lambda/function:Function");
      expect(functions.length).toBeGreaterThan(16);
      for (const { name, inputs } of functions) {
        expect(inputs, name).toMatchObject({
          handler: "index.handler",
          runtime: "nodejs24.x",
          architectures: ["arm64"],
          publish: true,
        });
        expect(
          inputs.environment.variables.SPILLWAY_TABLE.value ?? inputs.environment.variables.SPILLWAY_TABLE,
        ).toBe("spillway-production-records");
      }
    });

    it("keeps, in production, records and images even when it is removed", () => {
      const table = one("aws:dynamodb/table:Table", "RecordsTable");
      expect(table.inputs).toMatchObject({
        deletionProtectionEnabled: true,
        pointInTimeRecovery: { enabled: true },
      });
      const kept = [
        "aws:dynamodb/table:Table",
        "aws:ecr/repository:Repository",
        "aws:s3/bucket:Bucket",
      ].flatMap(all);
      expect(kept.map(({ name, retainOnDelete }) => [name, retainOnDelete])).toEqual(
        kept.map(({ name }) => [name, true]),
      );
      for (const { inputs } of all("aws:ecr/repository:Repository"))
        expect(inputs).toMatchObject({
          imageTagMutability: "IMMUTABLE",
          forceDelete: false,
          imageScanningConfiguration: { scanOnPush: true },
        });
      expect(outputs._protect).toBe(true);
    });

    it("lets go of untagged images after two weeks and of tagged ones beyond the newest 500, in every repository", () => {
      const policies = all("aws:ecr/lifecyclePolicy:LifecyclePolicy");
      expect(policies).toHaveLength(all("aws:ecr/repository:Repository").length);
      for (const { inputs } of policies) {
        const { rules } = JSON.parse(inputs.policy);
        const selections = rules.map(({ selection }: { selection: object }) => selection);
        expect(selections).toMatchObject([
          { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
          { tagStatus: "tagged", countType: "imageCountMoreThan", countNumber: taggedImagesKept },
        ]);
      }
      expect(taggedImagesKept).toBe(500);
    });

    it("traces every function and both machines", () => {
      for (const { name, inputs } of all("aws:lambda/function:Function"))
        expect(inputs.tracingConfig, name).toEqual({ mode: "Active" });
      for (const { name, inputs } of all("aws:sfn/stateMachine:StateMachine"))
        expect(inputs.tracingConfiguration, name).toEqual({ enabled: true });
    });

    it("tells people of what needs them", () => {
      const alarms = all("aws:cloudwatch/metricAlarm:MetricAlarm");
      const functions = all("aws:lambda/function:Function").map(({ inputs }) => inputs.name);
      for (const { name, inputs } of alarms) {
        expect(inputs.alarmActions, name).toEqual([`arn:aws:sns:${here}:spillway-production-notifications`]);
        if (inputs.dimensions.FunctionName !== undefined)
          expect(functions).toContain(inputs.dimensions.FunctionName);
        const { service } = inputs.dimensions;
        if (service === undefined) continue;
        // What the function counts under is what the alarm looks at.
        const { environment } = one("aws:lambda/function:Function", `${service}Function`).inputs;
        const variables = environment.variables.value ?? environment.variables;
        expect(inputs.namespace, name).toBe(variables.POWERTOOLS_METRICS_NAMESPACE);
        expect(service).toBe(variables.POWERTOOLS_SERVICE_NAME);
      }
      expect(alarms.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          "NeedsAttention-CompleteRelease",
          "NeedsAttention-RecordDeployment",
          "ReconcilerSilent",
        ]),
      );
    });

    it("has an answer in docs/operate-from-aws.md to each alarm", () => {
      const page = readFileSync(join(import.meta.dirname, "../../docs/operate-from-aws.md"), "utf8");
      const sections = new Map(
        page.split(/^### /m).map((section) => [/^`(\w+)`\n/.exec(section)?.[1] ?? "", section]),
      );
      for (const { name } of all("aws:cloudwatch/metricAlarm:MetricAlarm")) {
        const [kind = "", member] = name.split("-");
        const section = sections.get(kind);
        expect(section, `write what to do at the alarm ${name}, under ### \`${kind}\``).toBeDefined();
        if (member !== undefined) expect(section, `name ${member} under ### \`${kind}\``).toContain(member);
      }
    });

    it("keeps no log for ever", () => {
      for (const { name, inputs } of all("aws:cloudwatch/logGroup:LogGroup"))
        expect(inputs.retentionInDays, name).toBeGreaterThan(0);
    });
  },
);

/** What Step Functions does for a Task, by the resource that the Task names. */
function needsOf(
  resource: string,
  { FunctionName, StateMachineArn }: Readonly<Record<string, unknown>>,
): [string, string][] {
  switch (resource) {
    case "arn:aws:states:::lambda:invoke":
    case "arn:aws:states:::lambda:invoke.waitForTaskToken":
      return [["lambda:InvokeFunction", String(FunctionName)]];
    case "arn:aws:states:::states:startExecution.sync:2": {
      const execution = `${String(StateMachineArn).replace(":stateMachine:", ":execution:")}:one`;
      const rule = `arn:aws:events:${here}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule`;
      return [
        ["states:StartExecution", String(StateMachineArn)],
        ["states:DescribeExecution", execution],
        ["states:StopExecution", execution],
        ["events:PutTargets", rule],
        ["events:PutRule", rule],
        ["events:DescribeRule", rule],
      ];
    }
    default:
      throw new Error(`nobody has said what ${resource} needs`);
  }
}
