import {
  type Execution,
  type ExecutionResult,
  type HistoryEvent,
  parseJson,
  type TokenRegister,
} from "../asl/index.ts";
import type { KeptEnd } from "./execution-store.ts";

/** An execution of which only the record is left. */
export function endedExecution(
  result: ExecutionResult,
  history: () => readonly HistoryEvent[],
  tokens: TokenRegister,
): Execution {
  return {
    result: Promise.resolve(result),
    tokens,
    get history() {
      return history();
    },
    stop: () => {},
  };
}

/** How a kept execution ended. Its history is read when it is asked for. */
export function keptResult(
  end: KeptEnd | undefined,
  history: () => readonly HistoryEvent[],
): ExecutionResult {
  const { status = "ABORTED", output, error, cause } = end ?? {};
  return {
    status,
    output: output === undefined ? undefined : parseJson(output),
    outputText: output,
    error,
    cause,
    get history() {
      return history();
    },
  };
}

/** The end of an execution that could not be run again to where it was, after the events `before`. */
export function lostResult(
  error: Error,
  before: readonly HistoryEvent[],
  timestamp: number,
): ExecutionResult {
  const cause =
    "The local AWS was ended while this execution was open, and it could not be brought back to where it was: " +
    `${error.message}. Probably Spillway was changed in between. Look at what it had begun, then redrive it or start it again.`;
  const event: HistoryEvent = {
    timestamp,
    type: "ExecutionFailed",
    id: before.length + 1,
    previousEventId: before.length,
    executionFailedEventDetails: { error: "States.Runtime", cause },
  };
  return {
    status: "FAILED",
    output: undefined,
    outputText: undefined,
    error: "States.Runtime",
    cause,
    history: [...before, event],
  };
}
