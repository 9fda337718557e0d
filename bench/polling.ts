import type { ServiceConfig } from "../core/config.ts";
import {
  createVirtualClock,
  type Definition,
  type JsonObject,
  runStateMachine,
  sleep,
  type TaskRunner,
} from "../local/asl/index.ts";

/** What most people poll with. */
export const pollSeconds = 15;
/** What one invocation of a small function takes. */
const invocationMilliseconds = 200;

/** How long each piece of work of a release takes, in milliseconds, by its name. */
export type Durations = ReadonlyMap<string, number>;

/** The counts of a release, and the time from its start to its end. */
export interface OrchestrationCost {
  readonly transitions: number;
  readonly invocations: number;
  readonly writes: number;
  readonly milliseconds: number;
}

type Flow = { StartAt: string; States: Record<string, JsonObject> };

/** Starts each piece of work and asks every 15 seconds whether it has ended, one after another. */
function pollEach(works: readonly string[]): Flow {
  const States: Record<string, JsonObject> = {};
  const done = `After ${works.at(-1)}`;
  for (const [index, work] of works.entries()) {
    const next = works[index + 1];
    const task = (state: "start" | "look") => ({
      Type: "Task",
      Resource: `arn:aws:lambda:us-east-1:000000000000:function:${state}`,
      Arguments: { work },
    });
    States[`Start ${work}`] = { ...task("start"), Next: `Wait for ${work}` };
    States[`Wait for ${work}`] = { Type: "Wait", Seconds: pollSeconds, Next: `Look at ${work}` };
    States[`Look at ${work}`] = { ...task("look"), Next: `Has ${work} ended` };
    States[`Has ${work} ended`] = {
      Type: "Choice",
      Choices: [{ Condition: "{% $states.input %}", Next: next === undefined ? done : `Start ${next}` }],
      Default: `Wait for ${work}`,
    };
  }
  return { StartAt: `Start ${works[0]}`, States: { ...States, [done]: { Type: "Pass", End: true } } };
}

/** The work of a release in one environment, in order. */
export function workOf(environment: string, service: ServiceConfig): string[] {
  const { database, verification } = service.environments[environment] ?? { verification: [] };
  const migrates = service.migration !== undefined && database !== undefined && database !== "none";
  return [
    ...(migrates ? ["database-check", "migration"] : []),
    "deployment",
    "health",
    ...verification.flat(),
  ].map((work) => `${environment}/${work}`);
}

/** The machine that most people write first, for the same stages in the same tracks and the same environments. */
export function pollingMachine(service: ServiceConfig): Definition {
  const { StartAt, States } = pollEach(
    service.waves.flatMap((wave) => wave.flatMap((environment) => workOf(environment, service))),
  );
  return {
    QueryLanguage: "JSONata",
    StartAt: "Stages",
    States: {
      Stages: { Type: "Parallel", Branches: service.tracks.map(pollEach), Next: StartAt },
      ...States,
    },
  };
}

/** Runs the polling machine under a virtual clock, with work that takes as long as it is told. */
export async function measurePolling(
  service: ServiceConfig,
  durations: Durations,
): Promise<OrchestrationCost> {
  const clock = createVirtualClock({ start: 0 });
  const ends = new Map<string, number>();
  let invocations = 0;
  const tasks: TaskRunner = async ({ resource, arguments: input }) => {
    invocations++;
    await sleep(clock, invocationMilliseconds);
    const work = String(Object(input).work);
    const duration = durations.get(work);
    if (duration === undefined) throw new Error(`Nobody said how long ${work} takes.`);
    if (resource.endsWith(":start")) ends.set(work, clock.now() + duration);
    return clock.now() >= (ends.get(work) ?? 0);
  };
  const running = runStateMachine({ definition: pollingMachine(service), tasks, clock, random: () => 0.5 });
  const { status, history } = await clock.runUntil(running);
  if (status !== "SUCCEEDED") throw new Error(`The polling machine ended ${status}.`);
  const transitions = history.filter(({ type }) => type.endsWith("StateEntered")).length;
  // It keeps no records: what it knows is in its history alone.
  return { transitions, invocations, writes: 0, milliseconds: clock.now() };
}
