import { type AttemptingState, catcherFor, failureOf, nextRetry, type Outcome, wayOut } from "./attempts.ts";
import { thresholdExceeded } from "./branches.ts";
import type { Clock, Random } from "./clock.ts";
import type { ExecutionContext } from "./execution.ts";
import { StateFailure } from "./failure.ts";
import { Fiber } from "./fiber.ts";
import { runState } from "./flow.ts";
import { History } from "./history.ts";
import { isArray, type Json, type JsonArray, type JsonObject, type Payload, payload } from "./json.ts";
import { mapItems, mapIterations, mapLimits, toleranceOf } from "./map-state.ts";
import { LONGEST_SECONDS } from "./parse-state.ts";
import { Scope } from "./scope.ts";
import type { MapState, State } from "./state-machine.ts";
import type { TaskRunner } from "./task-runner.ts";
import { hasToken, runTask } from "./task-state.ts";
import { TaskTokens } from "./task-tokens.ts";
import { Visit } from "./visit.ts";

/** What stands for the work of a Task, Parallel or Map: what it gives, or how it fails. */
export type Mock =
  | { readonly result: Json }
  | { readonly error: string | undefined; readonly cause: string | undefined };

/** One state, to be tried on its own. */
export interface StateTestOptions {
  readonly state: State;
  readonly input: Json;
  readonly variables: JsonObject;
  readonly mock: Mock | undefined;
  /** How often the Retrier that a failure is for has had the state tried again before. */
  readonly retryCount: number;
  /** How many iterations of a Map have failed. */
  readonly failedIterations: number;
  /** What a Map goes through, instead of what its definition says. */
  readonly items: JsonArray | undefined;
  /** Does the work of a Task without a mock. */
  readonly tasks: TaskRunner;
  readonly clock: Clock;
  readonly random: Random;
  readonly execution: ExecutionContext;
  /** `$states.context` as a whole, instead of one made of the execution. */
  readonly context: JsonObject | undefined;
  readonly region: string;
}

/** What became of a state that was tried, under the names of TestState; JSON values as texts. */
export interface StateTestResult {
  readonly status: "SUCCEEDED" | "FAILED" | "RETRIABLE" | "CAUGHT_ERROR";
  readonly output?: string;
  readonly nextState?: string;
  readonly error?: string;
  readonly cause?: string;
  readonly inspection: Inspection;
}

/** What was seen on the way. */
export interface Inspection {
  readonly input: string;
  readonly afterArguments?: string;
  readonly afterItemSelector?: string;
  readonly maxConcurrency?: number;
  readonly toleratedFailureCount?: number;
  readonly toleratedFailurePercentage?: number;
  readonly result?: string;
  readonly variables?: string;
  readonly errorDetails?: {
    readonly catchIndex?: number;
    readonly retryIndex?: number;
    readonly retryBackoffIntervalSeconds?: number;
  };
}

type Seen = { -readonly [Name in keyof Inspection]: Inspection[Name] };

/** A mock, or what is said of the iterations of a Map, cannot be of this state. The message is AWS's. */
export class UnfitMockError extends Error {
  override readonly name = "UnfitMockError";
}

/** Runs one state, once: that it would be tried again or caught is told, not done. @throws UnfitMockError */
export async function testState(options: StateTestOptions): Promise<StateTestResult> {
  const { state, mock } = options;
  const visit = visitOf(options);
  const seen: Seen = { input: visit.input.text };
  if (mock !== undefined && "result" in mock) checkResult(state, mock.result);
  try {
    if (!("retriers" in state)) return left(options, seen, await runState(visit));
    const result = await work(visit, state, options, seen);
    if (state.type === "Task") seen.result = result.text;
    const leave = await visit.way(state, result, { result: result.value });
    return left(options, seen, { leave, next: state.next });
  } catch (error) {
    if (!(error instanceof StateFailure)) throw error;
    return failed(visit, error, options, seen);
  }
}

function visitOf({ state, input, variables, context, execution, ...options }: StateTestOptions): Visit {
  const { clock, random, tasks, region } = options;
  const scope = new Scope();
  const given = Object.entries(variables);
  scope.assign(given.map(([name, value]) => ({ name, value, text: JSON.stringify(value) })));
  const run = {
    history: new History(clock, undefined),
    clock,
    random,
    tasks,
    tokens: new TaskTokens(random),
    region,
    context: {
      Execution: {
        Id: execution.executionArn,
        Input: input,
        Name: execution.executionName,
        RoleArn: execution.roleArn,
        StartTime: new Date(clock.now()).toISOString(),
      },
      StateMachine: { Id: execution.stateMachineArn, Name: execution.stateMachineName },
    },
    ...(context === undefined ? {} : { givenContext: context }),
  };
  return new Visit(run, new Fiber(0), scope, state, payload(input));
}

function checkResult(state: State, result: Json): void {
  if (state.type !== "Parallel" && state.type !== "Map") return;
  if (!isArray(result)) throw new UnfitMockError("Mocked result must be an array.");
  if (state.type === "Parallel" && result.length !== state.branches.length)
    throw new UnfitMockError(
      "Mocked result must contain the same number of items as number of Parallel branches.",
    );
}

/** Evaluates what its work would be given, and does that work or takes the mock for it. */
async function work(
  visit: Visit,
  state: AttemptingState,
  options: StateTestOptions,
  seen: Seen,
): Promise<Payload> {
  const { mock } = options;
  if (state.type === "Task" && hasToken(state.resource)) visit.token = visit.run.tokens.create();
  if (state.type === "Map") await prepareMap(visit, state, options, seen);
  else {
    const parameters = state.arguments && JSON.stringify(await visit.evaluate(state.arguments));
    if (state.type === "Task" && parameters !== undefined) seen.afterArguments = parameters;
  }
  if (state.type === "Task") {
    if (mock === undefined) return runTask(visit, state);
    await visit.evaluateNumber(state.timeoutSeconds, 1, LONGEST_SECONDS);
    await visit.evaluateNumber(state.heartbeatSeconds, 1, LONGEST_SECONDS);
  }
  if (mock === undefined) throw new UnfitMockError(`A state of type ${state.type} needs a mock.`);
  if ("result" in mock) return payload(mock.result);
  throw new StateFailure(mock.error, mock.cause);
}

async function prepareMap(
  visit: Visit,
  state: MapState,
  { items: given, failedIterations }: StateTestOptions,
  seen: Seen,
): Promise<void> {
  const items = given ?? (await mapItems(visit, state));
  if (failedIterations > items.length)
    throw new UnfitMockError(
      "Map iteration failure count must be less than or equal to the number of Map iterations",
    );
  seen.maxConcurrency = (await visit.evaluateNumber(state.maxConcurrency, 0, Number.MAX_SAFE_INTEGER)) ?? 0;
  const limits = await mapLimits(visit, state);
  if (limits.count !== undefined) seen.toleratedFailureCount = limits.count;
  if (limits.percentage !== undefined) seen.toleratedFailurePercentage = limits.percentage;
  const iterations = await mapIterations(visit, state, items);
  if (state.itemSelector) seen.afterItemSelector = JSON.stringify(iterations.map(({ input }) => input.value));
  const tolerates = toleranceOf(limits, items.length);
  if (tolerates !== undefined && !tolerates(failedIterations)) throw thresholdExceeded();
}

async function failed(
  visit: Visit,
  failure: StateFailure,
  options: StateTestOptions,
  seen: Seen,
): Promise<StateTestResult> {
  const { state, retryCount } = options;
  const { error, cause } = failure;
  const words = { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
  if (!("retriers" in state) || failure.isFatal) return { status: "FAILED", ...words, inspection: seen };
  const retry = nextRetry(state.retriers, () => retryCount, failure);
  if (retry !== undefined) {
    const retryIndex = state.retriers.indexOf(retry.retrier);
    seen.errorDetails = { retryIndex, retryBackoffIntervalSeconds: retry.seconds };
    return { status: "RETRIABLE", ...words, inspection: seen };
  }
  const catcher = catcherFor(state.catchers, failure);
  if (catcher === undefined) return { status: "FAILED", ...words, inspection: seen };
  seen.errorDetails = { catchIndex: state.catchers.indexOf(catcher) };
  try {
    const leave = await wayOut(visit, catcher, failure);
    return { ...left(options, seen, { leave, next: catcher.next }), status: "CAUGHT_ERROR", ...words };
  } catch (later) {
    const { error: name, cause: why } = failureOf(later);
    const last = {
      ...(name === undefined ? {} : { error: name }),
      ...(why === undefined ? {} : { cause: why }),
    };
    return { status: "FAILED", ...last, inspection: seen };
  }
}

/** The state is left, with the variables as they are then. */
function left({ variables }: StateTestOptions, seen: Seen, { leave, next }: Outcome): StateTestResult {
  const assigned = leave.assigned.map(({ name, value }) => [name, value] as const);
  const all = { ...variables, ...Object.fromEntries(assigned) };
  if (Object.keys(all).length > 0) seen.variables = JSON.stringify(all);
  return {
    status: "SUCCEEDED",
    output: leave.output.text,
    ...(next === undefined ? {} : { nextState: next }),
    inspection: seen,
  };
}
