import type { TestStateCommandInput } from "@aws-sdk/client-sfn";
import type { Json, JsonObject } from "../../local/asl/index.ts";
import type { Definitions, Rule, WrittenState } from "./definitions.ts";
import { type Attempt, tokenIn, type Visit } from "./visits.ts";

/** Something to ask TestState, and what it must answer. */
export interface StateCase {
  /** `deploy CheckHealth succeeds` */
  readonly name: string;
  readonly machine: string;
  readonly state: string;
  readonly request: TestStateCommandInput;
  readonly expected: Expected;
}

/** What an answer must say. What is left out may be anything; what is undefined must not be there. */
export interface Expected {
  readonly status: "SUCCEEDED" | "FAILED" | "RETRIABLE" | "CAUGHT_ERROR";
  readonly nextState: string | undefined;
  readonly output?: Json;
  /** All that can be read once the state is left. */
  readonly variables?: JsonObject;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
  /** What the work of a Task was given. */
  readonly afterArguments?: Json;
  readonly retryIndex?: number;
  readonly catchIndex?: number;
}

/** An execution whose history is replayed, state by state. */
export interface Replayed {
  readonly machine: string;
  readonly definitions: Definitions;
  readonly execution: JsonObject;
  readonly stateMachine: JsonObject;
}

/** An error that no Retry and no Catch of ours names. */
const unforeseen = "Unforeseen";

/** What TestState must make of a state as an execution found it: one case for each time that its work was done. */
export function casesOf(replayed: Replayed, visit: Visit): StateCase[] {
  const written = replayed.definitions.state(visit.state);
  if (visit.attempts.length === 0) return [lastCase(replayed, visit, written, undefined, [])];
  return visit.attempts.map((attempt, place) => {
    const earlier = visit.attempts.slice(0, place);
    const isLast = place === visit.attempts.length - 1;
    return isLast
      ? lastCase(replayed, visit, written, attempt, earlier)
      : againCase(replayed, visit, written, attempt, earlier);
  });
}

/**
 * For every error that a Retry or a Catch of the state names, and for one that none does: that it is tried again, and
 * where it goes once that is used up. What it gives then is not foretold, so that the definition alone says what is expected.
 */
export function errorCasesOf(replayed: Replayed, visit: Visit): StateCase[] {
  const written = replayed.definitions.state(visit.state);
  if (!["Task", "Parallel", "Map"].includes(written.type)) return [];
  const named = [...written.retries, ...written.catches].flatMap(({ errors }) => errors);
  const errors = new Set([...named.filter((error) => error !== "States.ALL"), unforeseen]);
  return [...errors].flatMap((error) => {
    const retry = written.retries.find((rule) => takes(rule, error));
    const failure = { error, cause: "on purpose" };
    const used = retry?.mostAttempts ?? 0;
    const attempt = { parameters: undefined, outcome: failure };
    const ended = makeCase(
      replayed,
      visit,
      attempt,
      used,
      `ends after ${error}`,
      afterRetries(written, error),
    );
    if (retry === undefined || used === 0) return [ended];
    const again: Expected = {
      status: "RETRIABLE",
      nextState: undefined,
      error,
      retryIndex: written.retries.indexOf(retry),
    };
    return [makeCase(replayed, visit, attempt, 0, `is tried again after ${error}`, again), ended];
  });
}

function afterRetries({ catches }: WrittenState, error: string): Expected {
  const rule = catches.find((one) => takes(one, error));
  if (rule === undefined) return { status: "FAILED", nextState: undefined, error };
  return { status: "CAUGHT_ERROR", nextState: rule.next, error, catchIndex: catches.indexOf(rule) };
}

function takes({ errors }: Rule, error: string): boolean {
  return errors.includes(error) || errors.includes("States.ALL");
}

/** The work failed, and was done again. */
function againCase(
  replayed: Replayed,
  visit: Visit,
  { retries }: WrittenState,
  attempt: Attempt,
  earlier: readonly Attempt[],
): StateCase {
  const { error, cause } = failureOf(attempt);
  const index = retries.findIndex((rule) => takes(rule, error));
  const rule = retries[index];
  const before = earlier.filter(
    (one) => rule === retries.find((other) => takes(other, failureOf(one).error)),
  );
  return makeCase(replayed, visit, attempt, before.length, `is tried again after ${error}`, {
    status: "RETRIABLE",
    nextState: undefined,
    error,
    cause,
    retryIndex: index,
    ...argumentsOf(attempt),
  });
}

function lastCase(
  replayed: Replayed,
  visit: Visit,
  written: WrittenState,
  attempt: Attempt | undefined,
  earlier: readonly Attempt[],
): StateCase {
  const { exit, variables } = visit;
  if (exit === undefined) {
    const expected: Expected = {
      status: "FAILED",
      nextState: undefined,
      ...(written.error === undefined ? {} : { error: written.error }),
    };
    return makeCase(replayed, visit, attempt, 0, "fails", expected);
  }
  const isCaught = attempt !== undefined && "error" in attempt.outcome;
  const { error, cause } = failureOf(attempt);
  const expected: Expected = {
    status: isCaught ? "CAUGHT_ERROR" : "SUCCEEDED",
    nextState: exit.next,
    output: exit.output,
    variables: { ...variables, ...exit.assigned },
    ...(isCaught
      ? { error, cause, catchIndex: written.catches.findIndex((rule) => takes(rule, error)) }
      : { error: undefined }),
    ...argumentsOf(attempt),
  };
  const what = isCaught ? `ends after ${error}` : `goes to ${exit.next ?? "the end"}`;
  // A failure is caught only once no Retry takes it any more.
  const retry = written.retries.find((rule) => takes(rule, error));
  const retryCount = isCaught ? (retry?.mostAttempts ?? 0) : earlier.length;
  return makeCase(replayed, visit, attempt, retryCount, what, expected);
}

function failureOf(attempt: Attempt | undefined): {
  readonly error: string;
  readonly cause: string | undefined;
} {
  return attempt !== undefined && "error" in attempt.outcome
    ? attempt.outcome
    : { error: "", cause: undefined };
}

function argumentsOf(attempt: Attempt | undefined): Pick<Expected, "afterArguments"> {
  return attempt?.parameters === undefined ? {} : { afterArguments: attempt.parameters };
}

function makeCase(
  replayed: Replayed,
  visit: Visit,
  attempt: Attempt | undefined,
  retryCount: number,
  what: string,
  expected: Expected,
): StateCase {
  const { machine, definitions } = replayed;
  return {
    name: `${machine} ${visit.state} ${what}`,
    machine,
    state: visit.state,
    request: {
      ...definitionOf(definitions, visit.state),
      input: JSON.stringify(visit.input),
      variables: JSON.stringify(visit.variables),
      inspectionLevel: "DEBUG",
      ...(attempt === undefined ? {} : mockOf(replayed, visit, attempt, retryCount)),
    },
    expected,
  };
}

/**
 * A state on its own, or in its flow if there are states in it: only a machine tells them its query language.
 * What leads to it and what it leads to need not be there.
 */
function definitionOf(
  definitions: Definitions,
  name: string,
): Pick<TestStateCommandInput, "definition" | "stateName"> {
  const { type, definition } = definitions.state(name);
  if (type === "Parallel" || type === "Map")
    return { definition: JSON.stringify(definitions.flow(name).definition), stateName: name };
  return { definition: JSON.stringify({ QueryLanguage: "JSONata", ...definition }) };
}

/** With a mock the context can be given too: of the execution, so that what a Task is given can be compared. */
function mockOf(
  { execution, stateMachine, definitions }: Replayed,
  visit: Visit,
  { outcome, parameters }: Attempt,
  retryCount: number,
): Partial<TestStateCommandInput> {
  const { resource } = definitions.state(visit.state);
  const waits = /\.(sync(:2)?|waitForTaskToken)$/.test(resource);
  const context = {
    Execution: execution,
    State: {
      Name: visit.state,
      EnteredTime: new Date(visit.enteredAt).toISOString(),
      RetryCount: retryCount,
    },
    StateMachine: stateMachine,
    ...(waits ? { Task: { Token: tokenIn(parameters) ?? "token" } } : {}),
  };
  return {
    context: JSON.stringify(context),
    stateConfiguration: { retrierRetryCount: retryCount },
    mock:
      "result" in outcome
        ? // A result as an execution had it, not as the service's own schema has it: a function's payload is decoded.
          { result: JSON.stringify(outcome.result), fieldValidationMode: "NONE" }
        : { errorOutput: { error: outcome.error, cause: outcome.cause } },
  };
}
