/**
 * How a state fails, in the words of the States Language. Caught by a Catcher, repeated by a Retrier, or else
 * the end of the branch and the execution.
 */
export class StateFailure extends Error {
  override readonly name = "StateFailure";
  /** The error name that ErrorEquals is matched against; a Fail state or SendTaskFailure may leave it out. */
  readonly error: string | undefined;
  override readonly cause: string | undefined;
  /** Further names under which ErrorEquals finds it: a lapsed heartbeat is recorded as States.Timeout. */
  readonly aliases: readonly string[];
  constructor(error: string | undefined, cause: string | undefined, aliases: readonly string[] = []) {
    super(`${error ?? "(no error name)"}: ${cause ?? "(no cause)"}`);
    this.error = error;
    this.cause = cause;
    this.aliases = aliases;
  }
  /** States.Runtime is neither retried nor caught: it ends the execution. */
  get isFatal(): boolean {
    return this.error === "States.Runtime";
  }
}

/** What a task runner throws to fail its task with a chosen error name and cause. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly error: string | undefined;
  override readonly cause: string | undefined;
  constructor(error: string | undefined, cause: string | undefined) {
    super(`${error ?? "(no error name)"}: ${cause ?? "(no cause)"}`);
    this.error = error;
    this.cause = cause;
  }
}

/** A JSONata expression, or a value it gave, that cannot be used. `location` is the field: "Output/result". */
export class QueryEvaluationError extends Error {
  override readonly name = "QueryEvaluationError";
  readonly location: string | undefined;
  constructor(message: string, location: string | undefined) {
    super(message);
    this.location = location;
  }
}

/** Ends the work of a fiber that was cancelled; nobody waits for it any more. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  constructor() {
    super("This branch was cancelled: its execution was stopped, or a sibling failed first.");
  }
}

/** What AWS says when a result is larger than 256 KiB; `what` is a state's name, an integration or an ARN. */
export function dataLimitExceeded(what: string): StateFailure {
  return new StateFailure(
    "States.DataLimitExceeded",
    `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}

/** Under which name and with which cause a task fails of what its runner threw. */
export function errorOf(error: unknown): { error: string | undefined; cause: string | undefined } {
  if (error instanceof TaskError || error instanceof StateFailure) {
    return { error: error.error, cause: error.cause };
  }
  if (error instanceof Error) return { error: error.name, cause: error.message };
  return { error: "States.TaskFailed", cause: String(error) };
}
