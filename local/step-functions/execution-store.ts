import { createHash } from "node:crypto";
import type { EndStatus, HistoryEvent, Journal, Past, Stimulus } from "../asl/index.ts";
import { keptIn } from "../store.ts";
import type { World } from "../world.ts";
import { type KeptRevision, keepRevision, type StartableMachine } from "./machines.ts";
import type { KeptRedrives } from "./redrive.ts";

/** An execution as it is kept. */
export interface KeptExecution {
  readonly name: string;
  readonly machine: Omit<StartableMachine, "revision"> & { readonly revision: KeptRevision };
  readonly input: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly redrives: KeptRedrives;
  readonly run: KeptRun;
  /** Undefined while it is open. */
  readonly end: KeptEnd | undefined;
}

/** The latest run of an execution: the first one, or that of its last redrive. */
export interface KeptRun {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Where its randomness comes from. */
  readonly seed: string;
  /** 0 for the first run. */
  readonly redriveCount: number;
  /** How many events the execution had before the run. */
  readonly eventsBefore: number;
}

export interface KeptEnd {
  readonly status: EndStatus;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly output: string | undefined;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  /** The tokens of its tasks; they stay known, as used. */
  readonly tokens: readonly string[];
}

/** Keeps executions: what they are, how they ended, their histories, and what the open ones were told. */
export type ExecutionStore = ReturnType<typeof createExecutionStore>;

type Row = Omit<KeptExecution, "machine"> & {
  readonly machine: Omit<StartableMachine, "revision"> & {
    readonly revision: Omit<KeptRevision, "definition"> & { readonly definition: string };
  };
};

/** Makes the store of the executions of a world. */
export function createExecutionStore(world: Pick<World, "store">) {
  const executions = keptIn<Row>(world, "states/executions");
  // Kept once for all executions of it, and not with each: a definition is larger than all else.
  const definitions = keptIn<string>(world, "states/definitions");
  const known = new Map(definitions.entries());
  const historyOf = (arn: string) => keptIn<readonly HistoryEvent[]>(world, `states/history/${arn}`);
  const stimuliOf = (arn: string) => keptIn<Stimulus>(world, `states/stimuli/${arn}`);

  const digests = new Map([...known].map(([digest, text]) => [text, digest]));

  const keepDefinition = (text: string): string => {
    const before = digests.get(text);
    if (before !== undefined) return before;
    const digest = createHash("sha256").update(text).digest("hex");
    digests.set(text, digest);
    known.set(digest, text);
    definitions.put(digest, text);
    return digest;
  };

  return {
    all(): [arn: string, execution: KeptExecution][] {
      return executions.entries().map(([arn, { machine, ...rest }]) => {
        const definition = known.get(machine.revision.definition) ?? "";
        return [arn, { ...rest, machine: { ...machine, revision: { ...machine.revision, definition } } }];
      });
    },

    put(
      arn: string,
      { machine, ...execution }: Omit<KeptExecution, "machine"> & { machine: StartableMachine },
    ) {
      const revision = keepRevision(machine.revision);
      const definition = keepDefinition(revision.definition);
      executions.put(arn, { ...execution, machine: { ...machine, revision: { ...revision, definition } } });
      // What it was told is needed only to run it again.
      if (execution.end !== undefined) stimuliOf(arn).clear();
    },

    forget(arn: string): void {
      executions.delete(arn);
      historyOf(arn).clear();
      stimuliOf(arn).clear();
    },

    history: (arn: string): HistoryEvent[] =>
      historyOf(arn)
        .entries()
        .flatMap(([, events]) => events),

    past: (arn: string): Past => ({
      stimuli: stimuliOf(arn)
        .entries()
        .map(([, stimulus]) => stimulus),
      events: historyOf(arn)
        .entries()
        .flatMap(([, events]) => events),
    }),

    /** Where a run of an execution is recorded; `count` of what it was told is there already. */
    journal(arn: string, count: number): Journal {
      const [stimuli, history] = [stimuliOf(arn), historyOf(arn)];
      let next = count;
      return {
        stimulus: (stimulus) => stimuli.put(String(next++), stimulus),
        events: (events) => history.put(String(events[0]?.id), events),
      };
    },
  };
}
