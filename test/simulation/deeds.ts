import {
  paginateListExecutions,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { Deed } from "./plan.ts";
import type { SimulatedWorld } from "./world.ts";

/** A person does something, with the console's own calls. @returns what came of it, in words. */
export async function doDeed(world: SimulatedWorld, deed: Deed): Promise<string> {
  const states = new SFNClient(world.connection.client);
  if (deed.does === "stop") return stopExecution(states, world.made.machines[deed.machine], deed.which);
  const [machine, input] = startOf(deed);
  const { executionArn = "" } = await states.send(
    new StartExecutionCommand({
      stateMachineArn: world.made.machines[machine],
      input: JSON.stringify(input),
    }),
  );
  return `started ${executionArn.split(":").slice(-2).join(":")}`;
}

function startOf(deed: Exclude<Deed, { does: "stop" }>): [machine: string, input: object] {
  const { service } = deed;
  const reason = "as the plan says";
  switch (deed.does) {
    case "release":
      return ["ReleaseMachine", { service, tag: deed.tag, reason }];
    case "promote":
      return ["DeployMachine", { intent: "promote", service, from: "staging", to: deed.environment, reason }];
    case "roll-back":
      return ["DeployMachine", { intent: "rollback", service, environment: deed.environment, reason }];
    case "recover":
      return ["DeployMachine", { intent: "recover", service, environment: deed.environment, reason }];
  }
}

async function stopExecution(
  states: SFNClient,
  stateMachineArn: string | undefined,
  which: number,
): Promise<string> {
  const open: string[] = [];
  for await (const { executions = [] } of paginateListExecutions(
    { client: states },
    { stateMachineArn, statusFilter: "RUNNING" },
  ))
    open.push(...executions.flatMap(({ executionArn }) => executionArn ?? []));
  const executionArn = open[which];
  if (executionArn === undefined) return "there was nothing to stop";
  await states.send(new StopExecutionCommand({ executionArn, cause: "a person stopped it" }));
  return `stopped ${executionArn.split(":").slice(-2).join(":")}`;
}
