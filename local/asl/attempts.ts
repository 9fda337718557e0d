import type { Random } from "./clock.ts";
import { StateFailure } from "./failure.ts";
import { type Json, type Payload, payload } from "./json.ts";
import type { Catcher, MapState, ParallelState, Retrier, TaskState } from "./state-machine.ts";
import type { Leave, Visit } from "./visit.ts";

export type AttemptingState = TaskState | ParallelState | MapState;

/** How a state is left: what goes out, and to which state; undefined ends the flow. */
export interface Outcome {
  readonly leave: Leave;
  readonly next: string | undefined;
}

/**
 * Does the work of a state that can fail: again as its Retriers say, and then out through a Catcher. What no
 * Catcher takes is thrown.
 */
export async function attempt(
  visit: Visit,
  state: AttemptingState,
  work: () => Promise<Payload>,
): Promise<Outcome> {
  const attempts = new Map<Retrier, number>();
  for (;;) {
    try {
      const result = await work();
      const leave = await visit.way(state, result, { result: result.value });
      recordSucceeded(visit, state);
      return { leave, next: state.next };
    } catch (error) {
      const failure = failureOf(error);
      const delayMilliseconds = retryDelay(visit.run.random, state.retriers, attempts, failure);
      if (delayMilliseconds === undefined) return caught(visit, state, failure);
      await visit.fiber.sleep(visit.run.clock, delayMilliseconds);
      visit.retryCount += 1;
    }
  }
}

/** What can be tried again or caught; anything else is thrown on. */
export function failureOf(error: unknown): StateFailure {
  if (error instanceof StateFailure && !error.isFatal) return error;
  throw error;
}

/** AWS was recorded giving Succeeded and Exited the same previousEventId. */
function recordSucceeded({ fiber, run }: Visit, state: AttemptingState): void {
  if (state.type === "Task") return;
  run.history.append(`${state.type}StateSucceeded`, fiber.previousEventId);
}

function retryDelay(
  random: Random,
  retriers: readonly Retrier[],
  attempts: Map<Retrier, number>,
  failure: StateFailure,
): number | undefined {
  const retry = nextRetry(retriers, (retrier) => attempts.get(retrier) ?? 0, failure);
  if (!retry) return undefined;
  const { retrier, seconds } = retry;
  attempts.set(retrier, (attempts.get(retrier) ?? 0) + 1);
  return seconds * 1000 * (retrier.jitter === "FULL" ? random() : 1);
}

/** The Retrier that has a failed state tried again, and after how long before any jitter; undefined if none has. */
export function nextRetry(
  retriers: readonly Retrier[],
  attemptsOf: (retrier: Retrier) => number,
  failure: StateFailure,
): { readonly retrier: Retrier; readonly seconds: number } | undefined {
  const retrier = retriers.find(({ errorEquals }) => matches(errorEquals, failure));
  if (!retrier) return undefined;
  const attempt = attemptsOf(retrier);
  if (attempt >= retrier.maxAttempts) return undefined;
  const longest = retrier.maxDelaySeconds ?? Number.MAX_SAFE_INTEGER;
  return { retrier, seconds: Math.min(retrier.intervalSeconds * retrier.backoffRate ** attempt, longest) };
}

async function caught(visit: Visit, state: AttemptingState, failure: StateFailure): Promise<Outcome> {
  if (state.type !== "Task") {
    visit.record(`${state.type}StateFailed`);
    visit.fiber.activeType = undefined;
  }
  const catcher = catcherFor(state.catchers, failure);
  if (!catcher) throw failure;
  return { leave: await wayOut(visit, catcher, failure), next: catcher.next };
}

/** The Catcher that takes a failure. */
export function catcherFor(catchers: readonly Catcher[], failure: StateFailure): Catcher | undefined {
  return catchers.find(({ errorEquals }) => matches(errorEquals, failure));
}

/** Leaves a state through a Catcher. */
export function wayOut(visit: Visit, catcher: Catcher, failure: StateFailure): Promise<Leave> {
  const errorOutput: Json = { Error: failure.error ?? null, Cause: failure.cause ?? null };
  return visit.way(catcher, payload(errorOutput), { errorOutput });
}

function matches(errorEquals: readonly string[], failure: StateFailure): boolean {
  const names = [failure.error, ...failure.aliases];
  return errorEquals.some((name) => {
    if (name === "States.ALL") return true;
    if (name === "States.TaskFailed") return failure.error !== "States.Timeout";
    return names.includes(name);
  });
}
