import type { Clock, Random } from "./clock.ts";
import { Cancelled, StateFailure } from "./failure.ts";
import { Fiber } from "./fiber.ts";
import { runFlow } from "./flow.ts";
import { errorDetails, History, type HistoryEvent, inputOf, outputOf } from "./history.ts";
import { type Json, type JsonObject, type Payload, payload } from "./json.ts";
import { type Position, positionOf } from "./position.ts";
import type { Run } from "./run.ts";
import { Scope } from "./scope.ts";
import type { StateMachine } from "./state-machine.ts";
import type { TaskRunner } from "./task-runner.ts";
import { TaskTokens, type TokenRegister } from "./task-tokens.ts";

/** How an execution ended. */
export type EndStatus = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface ExecutionResult {
  readonly status: EndStatus;
  /** Of a successful execution. */
  readonly output: Json | undefined;
  /** The same as JSON text. */
  readonly outputText: string | undefined;
  /** Of any other: the error's name and what caused it, each if it was given. */
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly history: readonly HistoryEvent[];
}

/** The execution as `$states.context` shows it. */
export interface ExecutionContext {
  readonly executionArn: string;
  readonly executionName: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
  readonly roleArn: string;
}

export interface ExecutionOptions {
  readonly machine: StateMachine;
  readonly input: Json;
  readonly tasks: TaskRunner;
  readonly clock: Clock;
  readonly random: Random;
  readonly context: ExecutionContext;
  /** As it appears in TaskScheduled. */
  readonly region: string;
  /** Shared by all executions whose tasks are completed from outside; an execution's own by default. */
  readonly tokens?: TokenRegister;
  /** Is told of each event as it is recorded. Must not throw. */
  readonly onEvent?: (event: HistoryEvent) => void;
}

export interface RedriveOptions extends ExecutionOptions {
  /** All events of the execution so far, the one of its end the last. */
  readonly history: readonly HistoryEvent[];
  /** 1 for the first redrive. */
  readonly redriveCount: number;
}

/** One run of a state machine. It begins at once; `result` resolves when it has ended, however it ends. */
export interface Execution {
  readonly result: Promise<ExecutionResult>;
  /** The events so far. */
  readonly history: readonly HistoryEvent[];
  readonly tokens: TokenRegister;
  /** Ends the execution as ABORTED and whatever it has under way. Does nothing once it has ended. */
  stop(error?: string, cause?: string): void;
}

/** Starts an execution of a machine that `parseStateMachine` made. */
export function startExecution(options: ExecutionOptions): Execution {
  const execution = new MachineExecution(options);
  execution.start();
  return execution;
}

/**
 * Lets an execution that failed, timed out or was aborted go on from what did not succeed: the same definition,
 * input and variables; what is done is not done again, and attempts are counted anew. Undefined where the
 * history shows no state to go on from.
 */
export function redriveExecution(options: RedriveOptions): Execution | undefined {
  const { machine, history, redriveCount } = options;
  const position = positionOf(machine, history);
  if (!position) return undefined;
  const execution = new MachineExecution(options, history);
  execution.redrive(position, redriveCount);
  return execution;
}

class MachineExecution implements Execution {
  readonly result: Promise<ExecutionResult>;
  readonly tokens: TokenRegister;
  readonly #options: ExecutionOptions;
  readonly #history: History;
  readonly #fiber = new Fiber(0);
  #resolve: (result: ExecutionResult) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #cancelTimeout: (() => void) | undefined;
  #hasEnded = false;

  constructor(options: ExecutionOptions, past: readonly HistoryEvent[] = []) {
    this.#options = options;
    this.tokens = options.tokens ?? new TaskTokens(options.random);
    this.#history = new History(options.clock, options.onEvent, past);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get history(): readonly HistoryEvent[] {
    return this.#history.events;
  }

  start(): void {
    const { context, clock } = this.#options;
    const input = payload(this.#options.input);
    this.#history.append("ExecutionStarted", 0, {
      executionStartedEventDetails: { ...inputOf(input.text), roleArn: context.roleArn },
    });
    this.#go(input, { StartTime: new Date(clock.now()).toISOString() });
  }

  redrive(position: Position, redriveCount: number): void {
    const { clock } = this.#options;
    const past = this.#history.events;
    const startTime = past[0]?.timestamp ?? clock.now();
    this.#history.append("ExecutionRedriven", past.length, {
      executionRedrivenEventDetails: { redriveCount },
    });
    const times = {
      StartTime: new Date(startTime).toISOString(),
      RedriveCount: redriveCount,
      RedriveTime: new Date(clock.now()).toISOString(),
    };
    this.#fiber.previousEventId = position.enteredId;
    this.#go(payload(this.#options.input), times, position);
  }

  #go(input: Payload, times: JsonObject, position?: Position): void {
    const { machine, clock } = this.#options;
    const { timeoutSeconds } = machine;
    if (timeoutSeconds !== undefined) {
      this.#cancelTimeout = clock.after(timeoutSeconds * 1000, () =>
        this.#cut("TIMED_OUT", "States.Timeout"),
      );
    }
    const place = { run: this.#run(input, times), fiber: this.#fiber, scope: new Scope() };
    runFlow(machine, place, input, position).then(
      (output) => this.#succeed(output),
      (error) => this.#fail(error),
    );
  }

  stop(error?: string, cause?: string): void {
    this.#cut("ABORTED", error, cause);
  }

  #run(input: Payload, times: JsonObject): Run {
    const { clock, random, tasks, region, context } = this.#options;
    return {
      history: this.#history,
      clock,
      random,
      tasks,
      tokens: this.tokens,
      region,
      context: {
        Execution: {
          Id: context.executionArn,
          Input: input.value,
          Name: context.executionName,
          RoleArn: context.roleArn,
          ...times,
        },
        StateMachine: { Id: context.stateMachineArn, Name: context.stateMachineName },
      },
    };
  }

  #succeed(output: Payload): void {
    if (this.#hasEnded) return;
    const details = { executionSucceededEventDetails: outputOf(output.text) };
    this.#history.end("ExecutionSucceeded", this.#fiber.previousEventId, details);
    this.#end({ status: "SUCCEEDED", output: output.value, outputText: output.text });
  }

  #fail(error: unknown): void {
    if (this.#hasEnded || error instanceof Cancelled) return;
    if (!(error instanceof StateFailure)) {
      // Not a failure of the state machine but of this engine: it must not look like one.
      this.#hasEnded = true;
      this.#cancelTimeout?.();
      this.#reject(error);
      return;
    }
    const details = { executionFailedEventDetails: errorDetails(error.error, error.cause) };
    this.#history.end("ExecutionFailed", this.#fiber.previousEventId, details);
    this.#end({ status: "FAILED", error: error.error, cause: error.cause });
  }

  #cut(status: "ABORTED" | "TIMED_OUT", error?: string, cause?: string): void {
    if (this.#hasEnded) return;
    const details = errorDetails(error, cause);
    // Recorded with 0: the end comes from outside, it follows from no event.
    if (status === "ABORTED") {
      this.#history.end("ExecutionAborted", 0, { executionAbortedEventDetails: details });
    } else this.#history.end("ExecutionTimedOut", 0, { executionTimedOutEventDetails: details });
    this.#end({ status, error, cause });
    this.#fiber.cancel();
  }

  #end(end: {
    status: EndStatus;
    output?: Json;
    outputText?: string;
    error?: string | undefined;
    cause?: string | undefined;
  }) {
    this.#hasEnded = true;
    this.#fiber.isDone = end.status === "SUCCEEDED" || end.status === "FAILED";
    this.#cancelTimeout?.();
    this.#resolve({
      output: undefined,
      outputText: undefined,
      error: undefined,
      cause: undefined,
      ...end,
      history: this.#history.events,
    });
  }
}
