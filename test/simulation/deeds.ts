import { AppRunnerClient, paginateListServices, StartDeploymentCommand } from "@aws-sdk/client-apprunner";
import {
  DescribeExecutionCommand,
  paginateListExecutions,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { clientOf } from "../../aws/clients.ts";
import { sleep } from "../../local/asl/index.ts";
import { askAtTheDoor, doAtTheDoor, newestRelease } from "./at-the-door.ts";
import type { Tell } from "./history.ts";
import type { Deed } from "./plan.ts";
import type { SimulatedWorld } from "./world.ts";

/** What a person does of himself, and not because he is asked. */
export type OwnDeed = Exclude<Deed, { does: "answer" }>;
type Start = Extract<
  OwnDeed,
  { does: "release" | "request" | "build" | "promote" | "roll-back" | "recover" }
>;

/** A person does something, with the console's own calls or at the operator's door. @returns what came of it, in words. */
export async function doDeed(world: SimulatedWorld, deed: OwnDeed, tell: Tell): Promise<string> {
  const states = clientOf(SFNClient, world.connection.client);
  const { machines } = world.made;
  switch (deed.does) {
    case "stop":
      return stopExecution(states, machines[deed.machine], deed.which);
    case "break-off":
      return breakOff(world, states, deed);
    case "redeploy":
      return redeploy(world, deed);
    case "redrive":
      return redrive(states, machines[deed.machine], deed.which);
    case "resume":
      return resume(world, states, deed);
    case "cancel":
      return cancel(world, states, deed, tell);
    case "stop-the-line":
    case "override-freeze":
    case "lift-hold":
    case "lift-quarantine":
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
      return ["ReleaseMachine", { service, tag: deed.tag, ...forceOf(deed), reason }];
    case "request": {
      // As the rule of the bus hands it on; EventBridge alone can deliver an event twice.
      const detail = { service, tag: deed.tag, reason };
      return [
        "ReleaseMachine",
        { id: deed.event, source: "example.chat", "detail-type": "Release Requested", detail },
      ];
    }
    case "build":
      return ["ReleaseMachine", { service, commit: deed.commit, reason }];
    case "promote":
      return [
        "DeployMachine",
        { intent: "promote", service, from: "staging", to: deed.environment, ...forceOf(deed), reason },
      ];
    case "roll-back":
      return ["DeployMachine", { intent: "rollback", service, environment: deed.environment, reason }];
    case "recover":
      return ["DeployMachine", { intent: "recover", service, environment: deed.environment, reason }];
  }
}

function forceOf({ force }: { readonly force?: true }): { force?: true } {
  return force === true ? { force } : {};
}

async function start(states: SFNClient, machine: string | undefined, input: object): Promise<string> {
  const { executionArn = "" } = await states.send(
    new StartExecutionCommand({ stateMachineArn: machine, input: JSON.stringify(input) }),
  );
  return executionArn;
}

async function resume(
  world: SimulatedWorld,
  states: SFNClient,
  { service, tag }: Extract<Deed, { does: "resume" }>,
): Promise<string> {
  const release = newestRelease(world, service, tag)?.id;
  if (release === undefined) return "there was no release of it";
  const input = { resume: release, reason: "as the plan says" };
  return `started ${short(await start(states, world.made.machines.ReleaseMachine, input))}`;
}

/** Cancels a release, and waits until somebody says that it is done. */
async function cancel(
  world: SimulatedWorld,
  states: SFNClient,
  { service, tag, who, where }: Extract<Deed, { does: "cancel" }>,
  tell: Tell,
): Promise<string> {
  const release = newestRelease(world, service, tag)?.id;
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

/** Has App Runner bring up anew what a target runs, as its console's button does. */
async function redeploy(
  { connection }: SimulatedWorld,
  { service, environment }: Extract<Deed, { does: "redeploy" }>,
): Promise<string> {
  const client = clientOf(AppRunnerClient, connection.client);
  for await (const { ServiceSummaryList = [] } of paginateListServices({ client }, {}))
    for (const { ServiceArn, ServiceName } of ServiceSummaryList) {
      if (ServiceName !== `spillway-${service}-${environment}`) continue;
      const began = client.send(new StartDeploymentCommand({ ServiceArn }));
      return began.then(
        () => "began",
        (error) => String(error),
      );
    }
  return "there was no target";
}

async function stopExecution(
  states: SFNClient,
  stateMachineArn: string | undefined,
  which: number,
): Promise<string> {
  const executionArn = (await executionsOf(states, stateMachineArn, (status) => status === "RUNNING"))[which];
  if (executionArn === undefined) return "there was nothing to stop";
  await states.send(new StopExecutionCommand({ executionArn, cause: "a person stopped it" }));
  return `stopped ${short(executionArn)}`;
}

/** For so many seconds a person lies in wait for who calls a function. */
const patienceSeconds = 1800;

async function breakOff(
  world: SimulatedWorld,
  states: SFNClient,
  { function: name, afterSeconds, redriveAfterSeconds }: Extract<Deed, { does: "break-off" }>,
): Promise<string> {
  const executionArn = await world.nextToCall(name, patienceSeconds);
  if (executionArn === undefined) return "nobody called it";
  await sleep(world.clock, afterSeconds * 1000);
  const { status } = await states.send(new DescribeExecutionCommand({ executionArn }));
  if (status !== "RUNNING") return `${short(executionArn)} had ended`;
  await states.send(new StopExecutionCommand({ executionArn, cause: "a person stopped it" }));
  if (redriveAfterSeconds === undefined) return `stopped ${short(executionArn)}`;
  await sleep(world.clock, redriveAfterSeconds * 1000);
  await states.send(new RedriveExecutionCommand({ executionArn }));
  return `stopped and redrove ${short(executionArn)}`;
}

async function redrive(
  states: SFNClient,
  stateMachineArn: string | undefined,
  which: number,
): Promise<string> {
  const ended = (status: string) => status !== "RUNNING" && status !== "SUCCEEDED";
  const executionArn = (await executionsOf(states, stateMachineArn, ended))[which];
  if (executionArn === undefined) return "there was nothing to redrive";
  await states.send(new RedriveExecutionCommand({ executionArn }));
  return `redrove ${short(executionArn)}`;
}

/** The executions of a machine that are so, the last begun first. */
async function executionsOf(
  client: SFNClient,
  stateMachineArn: string | undefined,
  isSo: (status: string) => boolean,
): Promise<string[]> {
  const found: string[] = [];
  for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
    found.push(
      ...executions.flatMap(({ executionArn, status = "" }) =>
        isSo(status) && executionArn !== undefined ? [executionArn] : [],
      ),
    );
  return found;
}
