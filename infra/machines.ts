import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineName } from "./application.ts";
import { arn, machineArn, physicalName } from "./arns.ts";
import { functions } from "./functions.ts";
import { makeLogGroup } from "./logs.ts";
import { placeholdersOf, render } from "./render.ts";
import { makeRole, type Statement } from "./role.ts";
import { application, place } from "./stage.ts";

const trace: Statement = { actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] };
/** Step Functions writes logs through deliveries, which no policy can bind to one group. */
const deliverLogs: Statement = {
  actions: [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
  ],
  resources: ["*"],
};

/** Starting executions of another machine, waiting for them and stopping them: what `startExecution.sync:2` needs. */
function runNested(name: MachineName): Statement[] {
  return [
    { actions: ["states:StartExecution"], resources: [machineArn(application, place, name)] },
    {
      actions: ["states:DescribeExecution", "states:StopExecution"],
      resources: [arn(place, "states", `execution:${physicalName(application, name)}:*`)],
    },
    {
      actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      resources: [arn(place, "events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")],
    },
  ];
}

function makeMachine(name: MachineName, nested: Partial<Record<MachineName, aws.sfn.StateMachine>>) {
  const file = application.machines[name];
  const source = readFileSync(join($cli.paths.root, file), "utf8");
  const called = placeholdersOf(source).flatMap((placeholder) => functions[placeholder] ?? []);
  const role = makeRole(name, "states.amazonaws.com", [
    // Any version: an execution that began before the last upgrade calls the functions of that time.
    {
      actions: ["lambda:InvokeFunction"],
      resources: called.map(({ arn }) => $interpolate`${arn}:*`),
    },
    ...Object.keys(nested).flatMap((nested) => (nested === "DeployMachine" ? runNested(nested) : [])),
    trace,
    deliverLogs,
  ]);
  const logs = makeLogGroup(`${name}Logs`, `/aws/vendedlogs/states/${physicalName(application, name)}`);
  return new aws.sfn.StateMachine(name, {
    name: physicalName(application, name),
    roleArn: role.arn,
    definition: $output({
      ...Object.fromEntries(
        Object.entries(functions).map(([name, { nodes }]) => [name, nodes.function.qualifiedArn]),
      ),
      ...Object.fromEntries(Object.entries(nested).map(([name, { arn }]) => [name, arn])),
    }).apply((values) => render(source, values, file)),
    // Without execution data: it would show task tokens.
    loggingConfiguration: {
      level: "ERROR",
      includeExecutionData: false,
      logDestination: $interpolate`${logs.arn}:*`,
    },
    tracingConfiguration: { enabled: true },
  });
}

const DeployMachine = makeMachine("DeployMachine", {});
const ReleaseMachine = makeMachine("ReleaseMachine", { DeployMachine });

export const machines = { DeployMachine, ReleaseMachine };
