import {
  type Execution,
  type HistoryEvent,
  type Json,
  type ReplayedExecution,
  recordExecution,
  redriveExecution,
  replayExecution,
  startExecution,
  type TaskRunner,
  type TaskTokens,
} from "../asl/index.ts";
import { uuid, type World } from "../world.ts";
import type { ExecutionStore, KeptRun } from "./execution-store.ts";
import type { StartableMachine } from "./machines.ts";

/** What is to be run: an execution from its start, or from where a redrive takes it up. */
export interface RunRequest {
  readonly executionArn: string;
  readonly name: string;
  readonly machine: StartableMachine;
  readonly input: Json;
}

/** A run of an execution, and what is to be kept of it. */
export interface Run {
  readonly execution: Execution;
  readonly kept: KeptRun;
  /** The tokens of its tasks, as far as there were any. */
  readonly tokens: readonly string[];
}

export interface ReplayedRun extends Run {
  readonly replayed: ReplayedExecution;
}

export interface ExecutionName {
  readonly executionArn: string;
  readonly name: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
}

/** Hands executions to the engine: recorded in a world that keeps things, and as they are in one that does not. */
export class Runs {
  readonly #world: World;
  readonly #tasks: TaskRunner;
  readonly #tokens: TaskTokens;
  readonly #store: ExecutionStore;
  readonly #onEvent: (event: HistoryEvent, execution: ExecutionName) => void;

  constructor(
    world: World,
    parts: {
      readonly tasks: TaskRunner;
      readonly tokens: TaskTokens;
      readonly store: ExecutionStore;
      readonly onEvent: (event: HistoryEvent, execution: ExecutionName) => void;
    },
  ) {
    this.#world = world;
    this.#tasks = parts.tasks;
    this.#tokens = parts.tokens;
    this.#store = parts.store;
    this.#onEvent = parts.onEvent;
  }

  /** Begins a run; undefined where the history of what is to be redriven shows no state to go on from. */
  begin(
    request: RunRequest,
    redrive?: { history: readonly HistoryEvent[]; redriveCount: number },
  ): Run | undefined {
    const { clock, random, store } = this.#world;
    const kept: KeptRun = {
      startedAt: clock.now(),
      seed: uuid(random),
      redriveCount: redrive?.redriveCount ?? 0,
      eventsBefore: redrive?.history.length ?? 0,
    };
    const options = this.#engineOptions(request);
    const used: string[] = [];
    if (store !== undefined) {
      const journal = this.#store.journal(request.executionArn, 0);
      const { seed, startedAt } = kept;
      const tokens = this.#register(used);
      const execution = recordExecution({ ...options, seed, startedAt, tokens, journal, redrive });
      return execution && { execution, kept, tokens: used };
    }
    const plain = { ...options, clock, random, tokens: this.#tokens };
    const execution = redrive ? redriveExecution({ ...plain, ...redrive }) : startExecution(plain);
    return execution && { execution, kept, tokens: used };
  }

  /** Runs again what an earlier process left open. Rejects with ReplayDivergedError. */
  async replay(request: RunRequest, kept: KeptRun): Promise<ReplayedRun> {
    const { seed, startedAt, redriveCount, eventsBefore } = kept;
    const past = this.#store.past(request.executionArn);
    const used: string[] = [];
    const replayed = await replayExecution(
      {
        ...this.#engineOptions(request),
        seed,
        startedAt,
        tokens: this.#register(used),
        journal: this.#store.journal(request.executionArn, past.stimuli.length),
        redrive:
          redriveCount === 0 ? undefined : { history: past.events.slice(0, eventsBefore), redriveCount },
      },
      { stimuli: past.stimuli, events: past.events.slice(eventsBefore) },
    );
    return { execution: replayed.execution, kept, tokens: used, replayed };
  }

  #engineOptions({ executionArn, name, machine, input }: RunRequest) {
    const { clock, region } = this.#world;
    const { stateMachineArn, name: stateMachineName, revision } = machine;
    const names: ExecutionName = { executionArn, name, stateMachineArn, stateMachineName };
    return {
      machine: revision.compiled,
      input,
      tasks: this.#tasks,
      clock,
      region,
      context: {
        executionArn,
        executionName: name,
        stateMachineArn: machine.versionArn ?? stateMachineArn,
        stateMachineName,
        roleArn: revision.roleArn,
      },
      onEvent: (event: HistoryEvent) => this.#onEvent(event, names),
    };
  }

  #register(used: string[]): Pick<TaskTokens, "hold" | "close"> {
    return {
      hold: (token, holder) => {
        used.push(token);
        this.#tokens.hold(token, holder);
      },
      close: (token) => this.#tokens.close(token),
    };
  }
}
