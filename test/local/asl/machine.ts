import {
  createVirtualClock,
  type Definition,
  type ExecutionResult,
  type Json,
  type JsonObject,
  parseStateMachine,
  startExecution,
  type TaskAttempt,
  type TaskRunner,
  TaskTokens,
} from "../../../local/asl/index.ts";

/** Numbers in [0, 1) that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface Started {
  readonly clock: ReturnType<typeof createVirtualClock>;
  readonly tokens: TaskTokens;
  readonly execution: ReturnType<typeof startExecution>;
  readonly started: number;
  /** Runs the clock until the execution has ended. */
  end(): Promise<ExecutionResult>;
  /** Virtual milliseconds since the start. */
  elapsed(): number;
}

export const LAMBDA = "arn:aws:states:::lambda:invoke";
export const CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/** A JSONata machine of these states that starts with the first one. */
export function machineOf(states: JsonObject, members: JsonObject = {}): Definition {
  return { QueryLanguage: "JSONata", StartAt: Object.keys(states)[0] ?? "", States: states, ...members };
}

/** Starts a machine under a virtual clock. Tasks give their arguments back unless told otherwise. */
export function start(
  definition: Definition,
  options: { input?: Json; tasks?: (task: TaskAttempt, given: Started) => Promise<Json>; seed?: number } = {},
): Started {
  const clock = createVirtualClock({ start: Date.UTC(2026, 10, 24) });
  const random = seeded(options.seed ?? 1);
  const tokens = new TaskTokens(random);
  const tasks: TaskRunner = (task) =>
    options.tasks ? options.tasks(task, given) : Promise.resolve(task.arguments);
  const started = clock.now();
  const execution = startExecution({
    machine: parseStateMachine(definition),
    input: options.input ?? {},
    tasks,
    clock,
    random,
    tokens,
    region: "eu-central-1",
    context: {
      executionArn: "arn:aws:states:eu-central-1:000000000000:execution:m:e",
      executionName: "e",
      stateMachineArn: "arn:aws:states:eu-central-1:000000000000:stateMachine:m",
      stateMachineName: "m",
      roleArn: "arn:aws:iam::000000000000:role/m",
    },
  });
  const given: Started = {
    clock,
    tokens,
    execution,
    started,
    end: () => clock.runUntil(execution.result),
    elapsed: () => clock.now() - started,
  };
  return given;
}

/** Starts a machine and runs it to its end. */
export function run(
  definition: Definition,
  options: Parameters<typeof start>[1] = {},
): Promise<ExecutionResult> {
  return start(definition, options).end();
}

/** The types of the events of a history. */
export function types(result: Pick<ExecutionResult, "history">): string[] {
  return result.history.map(({ type }) => type);
}
