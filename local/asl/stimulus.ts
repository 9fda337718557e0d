import type { HistoryEvent } from "./history.ts";
import type { Json } from "./json.ts";

/**
 * Something that an execution is told from outside. Everything it does follows from its definition, its input, its
 * seed and these, in this order; so with them it can be run again to where it was.
 * Timers and attempts of tasks are numbered from 0 in the order in which the execution begins them.
 */
export type Stimulus = {
  /** The execution's time from here on, until the next one. Milliseconds since the epoch. */
  readonly at: number;
} & (
  | { readonly kind: "timer"; readonly timer: number }
  | { readonly kind: "submitted" | "result"; readonly task: number; readonly output: Json }
  | ({ readonly kind: "error"; readonly task: number } & Failing)
  | { readonly kind: "token-succeeded"; readonly token: string; readonly output: string }
  | ({ readonly kind: "token-failed"; readonly token: string } & Failing)
  | { readonly kind: "heartbeat"; readonly token: string }
  | ({ readonly kind: "stopped" } & Failing)
);

interface Failing {
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

/** A stimulus before it is given its time. */
export type Untimed = Stimulus extends infer Each ? (Each extends unknown ? Omit<Each, "at"> : never) : never;

/** What was recorded of an execution: all that it was told, and what it did, as far as that was written down. */
export interface Past {
  readonly stimuli: readonly Stimulus[];
  readonly events: readonly HistoryEvent[];
}

/** Where an execution is recorded. Neither may throw. */
export interface Journal {
  /** Called before the execution is told, and before whoever tells it has an answer. */
  stimulus(stimulus: Stimulus): void;
  /** What the execution did since the last call. */
  events(events: readonly HistoryEvent[]): void;
}

/** An execution that is run again does not do what was recorded of it. */
export class ReplayDivergedError extends Error {
  override readonly name = "ReplayDivergedError";
}
