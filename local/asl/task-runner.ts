import type { Json, JsonObject } from "./json.ts";
import type { TaskResource } from "./resource.ts";

/** One attempt of a Task, as the task runner is given it. */
export interface TaskAttempt {
  /** The Task's Resource as it stands in the definition. */
  readonly resource: string;
  /** The same, taken apart. */
  readonly target: TaskResource;
  readonly stateName: string;
  /** Arguments, evaluated; the state's input where there are none. Not to be changed. */
  readonly arguments: Json;
  /** 0 for the first attempt, 1 for the first retry. */
  readonly attempt: number;
  /** The token of this attempt, if its pattern has one (.waitForTaskToken and .sync). */
  readonly token: string | undefined;
  /** `$states.context` of the attempt. */
  readonly context: JsonObject;
  /** Aborted when nobody waits for the attempt any more: it timed out, or its branch or execution was stopped. */
  readonly signal: AbortSignal;
  /** Records that the job was accepted (TaskSubmitted), for .sync; for .waitForTaskToken the result says so. */
  submitted(output: Json): void;
}

/**
 * Does the work of Task states. Resolves to the result; for .waitForTaskToken to what the service answered when
 * it was handed the token. Rejects with TaskError to fail with a chosen error name and cause; any other error
 * fails the task under the error's own name.
 */
export type TaskRunner = (task: TaskAttempt) => Promise<Json>;

/**
 * Says what became of an attempt that was under way when its execution was interrupted. `submitted` is what the
 * service answered when it took the job, if it had. Resolves and rejects as a TaskRunner does.
 */
export type InterruptedTaskRunner = (task: TaskAttempt, submitted: Json | undefined) => Promise<Json>;
