import type { Random } from "./clock.ts";
import { StateFailure } from "./failure.ts";
import { type Json, type Payload, payload } from "./json.ts";
import type { Catcher, MapState, ParallelState, Retrier, TaskState } from "./state-machine.ts";
import type { Leave, Visit } from "./visit.ts";

type AttemptingState = TaskState | ParallelState | MapState;

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

function failureOf(error: unknown): StateFailure {
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
  const retrier = retriers.find(({ errorEquals }) => matches(errorEquals, failure));
  if (!retrier) return undefined;
  const attempt = attempts.get(retrier) ?? 0;
  if (attempt >= retrier.maxAttempts) return undefined;
  attempts.set(retrier, attempt + 1);
  const longest = retrier.maxDelaySeconds ?? Number.MAX_SAFE_INTEGER;
  const seconds = Math.min(retrier.intervalSeconds * retrier.backoffRate ** attempt, longest);
  return seconds * 1000 * (retrier.jitter === "FULL" ? random() : 1);
}

async function caught(visit: Visit, state: AttemptingState, failure: StateFailure): Promise<Outcome> {
  if (state.type !== "Task") {
    visit.record(`${state.type}StateFailed`);
    visit.fiber.activeType = undefined;
  }
  const catcher = state.catchers.find(({ errorEquals }) => matches(errorEquals, failure));
  if (!catcher) throw failure;
  return { leave: await wayOut(visit, catcher, failure), next: catcher.next };
}

function wayOut(visit: Visit, catcher: Catcher, failure: StateFailure): Promise<Leave> {
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
