import type { Json } from "./json.ts";
import type { TaskResource } from "./resource.ts";
import type { Template } from "./template.ts";

/** A definition that was checked and compiled once, for any number of executions. Made by `parseStateMachine`. */
export interface StateMachine extends Flow {
  readonly timeoutSeconds: number | undefined;
}

/** States that lead to each other: those of a machine, of a branch, of an item processor. */
export interface Flow {
  readonly startAt: string;
  readonly states: ReadonlyMap<string, State>;
}

export type State =
  | PassState
  | SucceedState
  | FailState
  | WaitState
  | ChoiceState
  | TaskState
  | ParallelState
  | MapState;

/** Assign: variable names and what they get. */
export type Assignments = readonly (readonly [variable: string, value: Template])[];

/** What every state that can be left has. `next` is undefined at the end of the flow. */
interface Leaving {
  readonly name: string;
  readonly next: string | undefined;
  readonly output: Template | undefined;
  readonly assign: Assignments;
}

export interface PassState extends Leaving {
  readonly type: "Pass";
}

export interface SucceedState extends Leaving {
  readonly type: "Succeed";
}

export interface WaitState extends Leaving {
  readonly type: "Wait";
  readonly seconds: Template | undefined;
  readonly timestamp: Template | undefined;
}

export interface FailState {
  readonly type: "Fail";
  readonly name: string;
  readonly error: Template | undefined;
  readonly cause: Template | undefined;
}

export interface ChoiceState {
  readonly type: "Choice";
  readonly name: string;
  readonly rules: readonly ChoiceRule[];
  /** Where to go, and with what, if no rule holds. */
  readonly fallback: Exit | undefined;
}

export interface ChoiceRule extends Exit {
  readonly condition: Template;
}

/** A way out of a state other than its own: a choice rule, a catcher. */
export interface Exit {
  readonly next: string;
  readonly output: Template | undefined;
  readonly assign: Assignments;
}

/** A state whose work can fail, and be tried again. */
export interface Attempting extends Leaving {
  readonly retriers: readonly Retrier[];
  readonly catchers: readonly Catcher[];
}

export interface TaskState extends Attempting {
  readonly type: "Task";
  readonly resource: TaskResource;
  readonly arguments: Template | undefined;
  readonly timeoutSeconds: Template | undefined;
  readonly heartbeatSeconds: Template | undefined;
}

export interface ParallelState extends Attempting {
  readonly type: "Parallel";
  readonly arguments: Template | undefined;
  readonly branches: readonly Flow[];
}

export interface MapState extends Attempting {
  readonly type: "Map";
  readonly items: Template | undefined;
  readonly itemSelector: Template | undefined;
  readonly processor: Flow;
  readonly maxConcurrency: Template | undefined;
  readonly toleratedFailureCount: Template | undefined;
  readonly toleratedFailurePercentage: Template | undefined;
}

export interface Retrier {
  readonly errorEquals: readonly string[];
  readonly intervalSeconds: number;
  readonly maxAttempts: number;
  readonly backoffRate: number;
  readonly maxDelaySeconds: number | undefined;
  readonly jitter: "FULL" | "NONE";
}

export interface Catcher extends Exit {
  readonly errorEquals: readonly string[];
}

/** A definition as it is given: JSON text, or the object that the text stands for. */
export type Definition = string | { readonly [member: string]: Json };
