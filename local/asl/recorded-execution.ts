import { type Execution, type ExecutionOptions, redriveExecution, startExecution } from "./execution.ts";
import type { HistoryEvent } from "./history.ts";
import { Outside, turnOf } from "./outside.ts";
import { type Journal, type Past, ReplayDivergedError } from "./stimulus.ts";
import type { InterruptedTaskRunner } from "./task-runner.ts";
import type { TokenRegister } from "./task-tokens.ts";

/** How an execution is started that can be run again to where it was. */
export interface RecordedExecutionOptions extends Omit<ExecutionOptions, "random" | "tokens"> {
  /** All its randomness comes from this; its task tokens are as hard to guess as it is. */
  readonly seed: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly tokens: Omit<TokenRegister, "create">;
  readonly journal: Journal;
  /** Of a redrive: the history up to it. Then the record is that of the run that the redrive begins. */
  readonly redrive?: { readonly history: readonly HistoryEvent[]; readonly redriveCount: number } | undefined;
}

/**
 * Starts or redrives an execution and records all that it is told; it has a turn of the event loop for each thing.
 * Undefined where the history of what is to be redriven shows no state to go on from.
 */
export function recordExecution(options: RecordedExecutionOptions): Execution | undefined {
  const outside = new Outside(options);
  const execution = begin(options, outside, (event) => outside.record(event, true));
  if (execution !== undefined) outside.open();
  return execution;
}

/** An execution that stands where its record ends. */
export interface ReplayedExecution {
  readonly execution: Execution;
  /** Lets it go on: timers whose time has passed fire at once, and attempts under way are given to `interrupted`. */
  goOn(interrupted: InterruptedTaskRunner): void;
  /** Ends it here, without a trace. */
  abandon(): void;
}

/**
 * Runs an execution again to where its record ends; nothing of it reaches the outside. Rejects with
 * ReplayDivergedError if it does not do what was recorded.
 */
export async function replayExecution(
  options: RecordedExecutionOptions,
  past: Past,
): Promise<ReplayedExecution> {
  const outside = new Outside(options);
  const expected = new Expectation(past.events);
  const execution = begin(options, outside, (event) => outside.record(event, !expected.takes(event)));
  if (execution === undefined) throw new ReplayDivergedError("its history shows no state to go on from");
  await turnOf(options.clock);
  for (const stimulus of past.stimuli) {
    if (expected.failure !== undefined) break;
    outside.deliver(stimulus);
    await turnOf(options.clock);
  }
  const failure = expected.failure ?? expected.missing();
  if (failure !== undefined) {
    outside.abandon();
    throw new ReplayDivergedError(failure);
  }
  return {
    execution,
    abandon: () => outside.abandon(),
    goOn: (interrupted) => outside.open({ events: past.events.length, interrupted }),
  };
}

function begin(
  options: RecordedExecutionOptions,
  outside: Outside,
  onEvent: (event: HistoryEvent) => void,
): Execution | undefined {
  const { random, clock, tokens, tasks } = outside;
  const { redrive, ...rest } = options;
  const parts = { ...rest, random, clock, tokens, tasks, onEvent };
  const inner = redrive ? redriveExecution({ ...parts, ...redrive }) : startExecution(parts);
  if (inner === undefined) return undefined;
  outside.attach(inner);
  return {
    get history() {
      return inner.history;
    },
    tokens,
    result: inner.result,
    stop: (error, cause) => outside.accept({ kind: "stopped", error, cause }),
  };
}

/** Compares what happens with what was recorded. */
class Expectation {
  readonly #events: readonly HistoryEvent[];
  #next = 0;
  failure: string | undefined;

  constructor(events: readonly HistoryEvent[]) {
    this.#events = events;
  }

  /** Whether the event is one of the recorded ones, or should have been. */
  takes(event: HistoryEvent): boolean {
    const recorded = this.#events[this.#next];
    if (recorded === undefined) return false;
    this.#next += 1;
    if (this.failure === undefined && JSON.stringify(recorded) !== JSON.stringify(event)) {
      this.failure = `event ${recorded.id} was ${recorded.type} and came out as another ${event.type}`;
    }
    return true;
  }

  missing(): string | undefined {
    const recorded = this.#events[this.#next];
    return recorded === undefined
      ? undefined
      : `event ${recorded.id}, ${recorded.type}, did not come out again`;
  }
}
