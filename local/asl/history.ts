import type { Clock } from "./clock.ts";
import { StateFailure } from "./failure.ts";

/** AWS's limit of an execution's history; the execution fails when it is reached. */
export const HISTORY_LIMIT_EVENTS = 25_000;

const TRUNCATION = { truncated: false } as const;
type Truncation = typeof TRUNCATION;

/** What an event says, under AWS's names. Inputs, outputs and parameters are JSON texts, as AWS gives them. */
export interface EventDetails {
  readonly executionStartedEventDetails?: {
    readonly input: string;
    readonly inputDetails: Truncation;
    readonly roleArn: string;
  };
  readonly executionSucceededEventDetails?: { readonly output: string; readonly outputDetails: Truncation };
  readonly executionFailedEventDetails?: ErrorDetails;
  readonly executionAbortedEventDetails?: ErrorDetails;
  readonly executionTimedOutEventDetails?: ErrorDetails;
  readonly executionRedrivenEventDetails?: { readonly redriveCount: number };
  readonly stateEnteredEventDetails?: {
    readonly name: string;
    readonly input: string;
    readonly inputDetails: Truncation;
  };
  readonly stateExitedEventDetails?: {
    readonly name: string;
    readonly output: string;
    readonly outputDetails: Truncation;
    readonly assignedVariables?: Readonly<Record<string, string>>;
    readonly assignedVariablesDetails?: Truncation;
  };
  readonly taskScheduledEventDetails?: {
    readonly resourceType: string;
    readonly resource: string;
    readonly region: string;
    readonly parameters: string;
    readonly timeoutInSeconds?: number;
    readonly heartbeatInSeconds?: number;
  };
  readonly taskStartedEventDetails?: TaskName;
  readonly taskSubmittedEventDetails?: TaskName & TaskOutput;
  readonly taskSucceededEventDetails?: TaskName & TaskOutput;
  readonly taskFailedEventDetails?: TaskName & ErrorDetails;
  readonly taskTimedOutEventDetails?: TaskName & ErrorDetails;
  readonly lambdaFunctionScheduledEventDetails?: {
    readonly resource: string;
    readonly input: string;
    readonly inputDetails: Truncation;
    readonly timeoutInSeconds?: number;
  };
  readonly lambdaFunctionSucceededEventDetails?: TaskOutput;
  readonly lambdaFunctionFailedEventDetails?: ErrorDetails;
  readonly lambdaFunctionTimedOutEventDetails?: ErrorDetails;
  readonly mapStateStartedEventDetails?: { readonly length: number };
  readonly mapIterationStartedEventDetails?: IterationDetails;
  readonly mapIterationSucceededEventDetails?: IterationDetails;
  readonly mapIterationFailedEventDetails?: IterationDetails;
  readonly mapIterationAbortedEventDetails?: IterationDetails;
  readonly evaluationFailedEventDetails?: ErrorDetails & {
    readonly location?: string;
    readonly state: string;
  };
}

export interface ErrorDetails {
  readonly error?: string;
  readonly cause?: string;
}

interface TaskName {
  readonly resourceType: string;
  readonly resource: string;
}

interface TaskOutput {
  readonly output: string;
  readonly outputDetails: Truncation;
}

export interface IterationDetails {
  readonly name: string;
  readonly index: number;
}

/** The types of state that a cancelled branch reports as aborted; the others are never under way. */
export type AbortableType = "Task" | "Parallel" | "Map" | "Wait";

export type HistoryEventType =
  | `Execution${"Started" | "Succeeded" | "Failed" | "Aborted" | "TimedOut" | "Redriven"}`
  | `${"Pass" | "Task" | "Choice" | "Wait" | "Succeed" | "Parallel" | "Map"}State${"Entered" | "Exited"}`
  | "FailStateEntered"
  | `${AbortableType}StateAborted`
  | `${"Parallel" | "Map"}State${"Started" | "Succeeded" | "Failed"}`
  | `MapIteration${"Started" | "Succeeded" | "Failed" | "Aborted"}`
  | `Task${"Scheduled" | "Started" | "Submitted" | "Succeeded" | "Failed" | "TimedOut"}`
  | `LambdaFunction${"Scheduled" | "Started" | "Succeeded" | "Failed" | "TimedOut"}`
  | "EvaluationFailed";

/** One event of a history, in the shape of GetExecutionHistory; `timestamp` in milliseconds since the epoch. */
export interface HistoryEvent extends EventDetails {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: number;
  readonly type: HistoryEventType;
}

/** Everything that happened in one execution: ids 1, 2, 3, … and for each event the one that it follows from. */
export class History {
  readonly events: HistoryEvent[];
  readonly #clock: Clock;
  readonly #listener: ((event: HistoryEvent) => void) | undefined;

  /** `past` are the events of a redriven execution up to its redrive. */
  constructor(
    clock: Clock,
    listener: ((event: HistoryEvent) => void) | undefined,
    past: readonly HistoryEvent[] = [],
  ) {
    this.#clock = clock;
    this.#listener = listener;
    this.events = [...past];
  }

  /** Appends an event and returns its id. Throws States.Runtime where only the event of the end has room. */
  append(type: HistoryEventType, previousEventId: number, details?: EventDetails): number {
    const id = this.events.length + 1;
    if (id >= HISTORY_LIMIT_EVENTS) {
      throw new StateFailure(
        "States.Runtime",
        `The execution reached the maximum number of history events (${HISTORY_LIMIT_EVENTS}).`,
      );
    }
    this.#add({ timestamp: this.#clock.now(), type, id, previousEventId, ...details });
    return id;
  }

  /** Appends the execution's last event, for which there is always room. */
  end(type: HistoryEventType, previousEventId: number, details: EventDetails): void {
    const id = this.events.length + 1;
    this.#add({ timestamp: this.#clock.now(), type, id, previousEventId, ...details });
  }

  #add(event: HistoryEvent): void {
    this.events.push(event);
    this.#listener?.(event);
  }
}

export function inputOf(text: string) {
  return { input: text, inputDetails: TRUNCATION };
}

export function outputOf(text: string) {
  return { output: text, outputDetails: TRUNCATION };
}

export function assignedVariablesOf(variables: Readonly<Record<string, string>>) {
  return { assignedVariables: variables, assignedVariablesDetails: TRUNCATION };
}

/** AWS leaves out what a failure does not say, rather than giving it as null. */
export function errorDetails(error: string | undefined, cause: string | undefined): ErrorDetails {
  return { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
}
