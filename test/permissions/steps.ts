import { AppRunnerClient, DeleteServiceCommand, paginateListServices } from "@aws-sdk/client-apprunner";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import type { ConfigInput } from "../../core/config.ts";
import type { ServiceEvent } from "../../local/world.ts";
import type { Behaviour, StageBehaviour } from "../simulation/behaviour.ts";
import { exampleWith, oneEnvironment } from "../simulation/environments.ts";
import type { SimulatedWorld } from "../simulation/world.ts";

type ServiceInput = ConfigInput["services"][string];
export type IsIt = (event: ServiceEvent) => boolean;
export type Machine = "DeployMachine" | "ReleaseMachine";

/** A migration that the code before it can read. */
export const expand = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };
export const commit = "3f2a91c0d4e5".padEnd(40, "0");
export const serviceEvents = ["BuildEnded", "TaskStopped", "TargetOperationEnded"];

/** A check that reports on its tests. */
export const reporting: StageBehaviour = { reports: [{ group: "unit", type: "TEST", content: undefined }] };

export const minutes = (world: SimulatedWorld, count: number) => world.clock.advance(count * 60_000);
export const idOf = (digest: string) => `web-${digest.slice(7, 19)}-1`;

/** A config with its service changed. */
export function changed(config: ConfigInput, change: (web: ServiceInput) => void): ConfigInput {
  const { web } = config.services;
  if (web === undefined) throw new Error("the example has a service web");
  change(web);
  return config;
}

/** One whose image is built by Spillway, and whose checks need what is said. */
export function withBuild(needs: "source" | "image", config = oneEnvironment()): ConfigInput {
  return changed(config, (web) => {
    web.build = { buildspec: "examples/web/buildspecs/build-image.yml" };
    for (const stage of Object.values(web.stages)) stage.needs = needs;
  });
}

/** One whose environment is verified by stages side by side. */
export function verified(...stages: readonly string[]): ConfigInput {
  return changed(exampleWith({ verification: stages.map((stage) => [stage]) }), (web) => {
    for (const stage of stages) web.stages[stage] = { buildspec: `${stage}.yml` };
  });
}

export const ofTarget =
  (status: string): IsIt =>
  ({ source, detail }) =>
    source === "aws.apprunner" && detail.operationStatus === status;
export const ofTask: IsIt = ({ source, detail }) =>
  source === "aws.ecs" && detail.lastStatus === "RUNNING" && JSON.stringify(detail).includes("migrate-up");
export const ofBuild =
  (stage: string): IsIt =>
  ({ detail }) =>
    detail["project-name"] === `spillway-web-${stage}`;

/** Lets rules hear nothing from now on. */
export async function silence(world: SimulatedWorld, rules: readonly string[]): Promise<void> {
  const bus = new EventBridgeClient(world.connection.client);
  for (const Name of rules) await world.clock.runUntil(bus.send(new DisableRuleCommand({ Name })));
}

/** Lets time pass until an event is told. */
export async function until(world: SimulatedWorld, isIt: IsIt, from: number): Promise<void> {
  for (let step = 0; step < 2_000; step++) {
    if (world.events.slice(from).some(isIt)) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

/** Pushes a release and waits until an event is told. @returns its digest */
export async function pushUntil(
  world: SimulatedWorld,
  tag: string,
  behaviour: Behaviour,
  when: IsIt,
): Promise<string> {
  const from = world.events.length;
  const digest = await world.push(tag, behaviour);
  await until(world, when, from);
  return digest;
}

/** Stops an execution, as a person at the console does. */
export async function stopExecution(
  { connection }: SimulatedWorld,
  executionArn: string | undefined,
): Promise<void> {
  const states = new SFNClient(connection.client);
  await states.send(new StopExecutionCommand({ executionArn, cause: "enough" }));
}

/** The newest execution of a machine since an event. */
export function newestOf(world: SimulatedWorld, machine: Machine, from = 0): string | undefined {
  const started = world.events
    .slice(from)
    .findLast(
      ({ detail }) => detail.stateMachineArn === world.made.machines[machine] && detail.status === "RUNNING",
    );
  return started && String(started.detail.executionArn);
}

/** Pushes a release, and stops the newest execution of a machine as soon as an event is told. */
export async function breakOff(
  world: SimulatedWorld,
  machine: Machine,
  behaviour: Behaviour,
  when: IsIt,
): Promise<void> {
  await pushUntil(world, "bbbbbbb", behaviour, when);
  await world.clock.runUntil(stopExecution(world, newestOf(world, machine)));
  await minutes(world, 20);
}

/** Pushes a release, and cancels it as soon as an event is told. */
export async function cancelAt(
  world: SimulatedWorld,
  tag: string,
  behaviour: Behaviour,
  when: IsIt,
): Promise<void> {
  const digest = await pushUntil(world, tag, behaviour, when);
  await world.start({ cancel: idOf(digest), reason: "the wrong logo" });
  await minutes(world, 20);
}

/** Deletes every service of App Runner, as somebody would who takes them for rubbish. */
export async function deleteServices({ connection }: SimulatedWorld): Promise<void> {
  const client = new AppRunnerClient(connection.client);
  for await (const { ServiceSummaryList = [] } of paginateListServices({ client }, {}))
    for (const { ServiceArn } of ServiceSummaryList)
      await client.send(new DeleteServiceCommand({ ServiceArn }));
}
