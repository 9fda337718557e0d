import {
  DescribeExecutionCommand,
  paginateListExecutions,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { sleep } from "../../local/asl/index.ts";
import { askAtTheDoor, doAtTheDoor, newestRelease } from "./at-the-door.ts";
import type { Tell } from "./history.ts";
import type { Deed } from "./plan.ts";
import type { SimulatedWorld } from "./world.ts";

/** What a person does of himself, and not because he is asked. */
export type OwnDeed = Exclude<Deed, { does: "answer" }>;
type Start = Extract<OwnDeed, { does: "release" | "build" | "promote" | "roll-back" | "recover" }>;

/** A person does something, with the console's own calls or at the operator's door. @returns what came of it, in words. */
export async function doDeed(world: SimulatedWorld, deed: OwnDeed, tell: Tell): Promise<string> {
  const states = new SFNClient(world.connection.client);
  const { machines } = world.made;
  switch (deed.does) {
    case "stop":
      return stopExecution(states, machines[deed.machine], deed.which);
    case "cancel":
      return cancel(world, states, deed, tell);
    case "stop-the-line":
    case "override-freeze":
    case "lift-hold":
      return doAtTheDoor(world, deed, tell);
    default: {
      const [machine, input] = startOf(deed);
      return `started ${short(await start(states, machines[machine], input))}`;
    }
  }
}

function startOf(deed: Start): [machine: string, input: object] {
  const { service } = deed;
  const reason = "as the plan says";
  switch (deed.does) {
    case "release":
      return ["ReleaseMachine", { service, tag: deed.tag, reason }];
    case "build":
      return ["ReleaseMachine", { service, commit: deed.commit, reason }];
    case "promote":
      return ["DeployMachine", { intent: "promote", service, from: "staging", to: deed.environment, reason }];
    case "roll-back":
      return ["DeployMachine", { intent: "rollback", service, environment: deed.environment, reason }];
    case "recover":
      return ["DeployMachine", { intent: "recover", service, environment: deed.environment, reason }];
  }
}

async function start(states: SFNClient, machine: string | undefined, input: object): Promise<string> {
  const { executionArn = "" } = await states.send(
    new StartExecutionCommand({ stateMachineArn: machine, input: JSON.stringify(input) }),
  );
  return executionArn;
}

/** Cancels a release, and waits until somebody says that it is done. */
async function cancel(
  world: SimulatedWorld,
  states: SFNClient,
  { service, tag, who, where }: Extract<Deed, { does: "cancel" }>,
  tell: Tell,
): Promise<string> {
  const release = newestRelease(world, service, tag);
  if (release === undefined) return "there was no release of it";
  const asked = { who, action: "cancel", service, release };
  if (where === "door") return askAtTheDoor(world, asked, tell);
  tell({ kind: "asked", ...asked });
  const input = { cancel: release, reason: "as the plan says" };
  const executionArn = await start(states, world.made.machines.ReleaseMachine, input);
  for (;;) {
    const { status, cause = "done" } = await states.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== "RUNNING") {
      tell({ kind: "answered", ...asked, status: status === "SUCCEEDED" ? 200 : 400, words: cause });
      return `${short(executionArn)} ${status}: ${cause}`;
    }
    await sleep(world.clock, 1_000);
  }
}

function short(arn: string): string {
  return arn.split(":").slice(-2).join(":");
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
  return `stopped ${short(executionArn)}`;
}
