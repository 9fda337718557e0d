import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineName } from "./application.ts";
import { physicalName } from "./arns.ts";
import { functions } from "./functions.ts";
import { makeLogGroup } from "./logs.ts";
import { placeholdersOf, render } from "./render.ts";
import { makeRole } from "./role.ts";
import { machineStatements } from "./roles.ts";
import { application, place } from "./stage.ts";

function makeMachine(name: MachineName, nested: Partial<Record<MachineName, aws.sfn.StateMachine>>) {
  const file = application.machines[name];
  const source = readFileSync(join($cli.paths.root, file), "utf8");
  const role = makeRole(
    name,
    "states.amazonaws.com",
    machineStatements(placeholdersOf(source), application, place),
  );
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
