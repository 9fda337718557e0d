import { attempt, type Outcome } from "./attempts.ts";
import { StateFailure } from "./failure.ts";
import type { Fiber } from "./fiber.ts";
import type { JsonObject, Payload } from "./json.ts";
import { runMap } from "./map-state.ts";
import { runParallel } from "./parallel-state.ts";
import { LONGEST_SECONDS } from "./parse-state.ts";
import type { Position } from "./position.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";
import type { ChoiceState, FailState, Flow, WaitState } from "./state-machine.ts";
import { runTask } from "./task-state.ts";
import type { Template } from "./template.ts";
import { isTimestamp, timestampMilliseconds } from "./timestamp.ts";
import { Visit } from "./visit.ts";

/** Where a flow runs: the execution, the line of work, the variables, and in an iteration the item. */
export interface Place {
  readonly run: Run;
  readonly fiber: Fiber;
  readonly scope: Scope;
  readonly mapContext?: JsonObject | undefined;
}

/**
 * Runs a flow from its first state, or from where a redriven one stands, to its end and gives the last output.
 * Throws StateFailure or Cancelled.
 */
export async function runFlow(
  flow: Flow,
  place: Place,
  input: Payload,
  position?: Position,
): Promise<Payload> {
  let name: string | undefined = position?.name ?? flow.startAt;
  let current = position?.input ?? input;
  let resumed = position;
  place.scope.assign(position?.variables ?? []);
  try {
    while (name !== undefined) {
      const state = flow.states.get(name);
      if (!state) throw new StateFailure("States.Runtime", `The state '${name}' does not exist.`);
      const visit = new Visit(place.run, place.fiber, place.scope, state, current, place.mapContext, resumed);
      resumed = undefined;
      const outcome = await runState(visit);
      place.fiber.check();
      current = visit.leave(outcome.leave);
      name = outcome.next;
    }
    return current;
  } finally {
    place.scope.release();
  }
}

/** What a state does between being entered and being left. */
export async function runState(visit: Visit): Promise<Outcome> {
  const { state } = visit;
  switch (state.type) {
    case "Pass":
    case "Succeed":
      return { leave: await visit.way(state, visit.input), next: state.next };
    case "Fail":
      return fail(visit, state);
    case "Wait":
      return wait(visit, state);
    case "Choice":
      return choose(visit, state);
    case "Task":
      return attempt(visit, state, () => runTask(visit, state));
    case "Parallel":
      return attempt(visit, state, () => runParallel(visit, state));
    case "Map":
      return attempt(visit, state, () => runMap(visit, state));
  }
}

async function fail(visit: Visit, state: FailState): Promise<never> {
  const error = await failText(visit, state.error);
  const cause = await failText(visit, state.cause);
  throw new StateFailure(error, cause);
}

async function failText(visit: Visit, template: Template | undefined): Promise<string | undefined> {
  if (template === undefined) return undefined;
  const value = await visit.evaluate(template);
  if (typeof value === "string") return value;
  throw visit.unexpected(template, "string", value);
}

async function choose(visit: Visit, state: ChoiceState): Promise<Outcome> {
  for (const rule of state.rules) {
    const value = await visit.evaluate(rule.condition);
    if (typeof value !== "boolean") throw visit.unexpected(rule.condition, "boolean", value);
    if (value) return { leave: await visit.way(rule, visit.input), next: rule.next };
  }
  if (state.fallback)
    return { leave: await visit.way(state.fallback, visit.input), next: state.fallback.next };
  const message = `Failed to transition out of the state '${state.name}'. The state does not point to a next state.`;
  throw new StateFailure("States.NoChoiceMatched", visit.causeOf(message));
}

async function wait(visit: Visit, state: WaitState): Promise<Outcome> {
  const { run, fiber } = visit;
  const seconds = await visit.evaluateNumber(state.seconds, 0, LONGEST_SECONDS);
  const milliseconds = seconds === undefined ? await untilTimestamp(visit, state.timestamp) : seconds * 1000;
  if (milliseconds > 0) await fiber.sleep(run.clock, milliseconds);
  return { leave: await visit.way(state, visit.input), next: state.next };
}

async function untilTimestamp(visit: Visit, template: Template | undefined): Promise<number> {
  if (template === undefined) return 0;
  const value = await visit.evaluate(template);
  if (typeof value !== "string") throw visit.unexpected(template, "string", value);
  if (isTimestamp(value)) return timestampMilliseconds(value) - visit.run.clock.now();
  const message = `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${value}`;
  throw visit.evaluationFailed(message, "Timestamp", true);
}
