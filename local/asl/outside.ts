import type { Clock, Random } from "./clock.ts";
import type { Execution } from "./execution.ts";
import { errorOf, TaskError } from "./failure.ts";
import type { HistoryEvent } from "./history.ts";
import { type Json, parsePayload } from "./json.ts";
import { createSeededRandom } from "./seeded-random.ts";
import type { Journal, Stimulus, Untimed } from "./stimulus.ts";
import type { InterruptedTaskRunner, TaskAttempt, TaskRunner } from "./task-runner.ts";
import { createToken, type TokenHolder, type TokenRegister } from "./task-tokens.ts";

interface OutsideOptions {
  readonly seed: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly tasks: TaskRunner;
  readonly tokens: Omit<TokenRegister, "create">;
  readonly journal: Journal;
  readonly onEvent?: (event: HistoryEvent) => void;
}

interface Timer {
  readonly due: number;
  readonly run: () => void;
  cancel: () => void;
}

interface Attempt {
  readonly task: TaskAttempt;
  /** How many events there were when it was begun. */
  readonly events: number;
  /** What the service answered when it took the job, for .sync. */
  submitted: Json | undefined;
  readonly resolve: (output: Json) => void;
  readonly reject: (error: TaskError) => void;
}

/** Where a replay ended. */
interface Ended {
  /** How many events were recorded. */
  readonly events: number;
  readonly interrupted: InterruptedTaskRunner;
}

/**
 * All that one execution has to do with the world: its time, chance, timers, tasks and tokens. What the world tells
 * it goes through here, one thing for each turn of the event loop, each written down before it is told: so it comes
 * in the same order when the execution is run again. Its time stands still between two of them.
 */
export class Outside {
  readonly random: Random;
  readonly clock: Clock;
  readonly tokens: TokenRegister;
  readonly tasks: TaskRunner;
  readonly #options: OutsideOptions;
  readonly #timers = new Map<number, Timer>();
  readonly #attempts = new Map<number, Attempt>();
  readonly #holders = new Map<string, TokenHolder>();
  readonly #waiting: Stimulus[] = [];
  #unwritten: HistoryEvent[] = [];
  #eventCount = 0;
  #timerCount = 0;
  #attemptCount = 0;
  #now: number;
  #execution: Execution | undefined;
  #isOpen = false;
  #isSettling = false;
  #hasEnded = false;

  constructor(options: OutsideOptions) {
    this.#options = options;
    this.#now = options.startedAt;
    this.random = createSeededRandom(options.seed);
    this.clock = {
      now: () => this.#now,
      after: (milliseconds, run) => this.#addTimer(milliseconds, run),
      busy: (work, what) => options.clock.busy(work, what),
    };
    this.tokens = {
      create: () => createToken(this.random),
      hold: (token, holder) => this.#hold(token, holder),
      close: (token) => this.#close(token),
    };
    this.tasks = (task) => this.#attempt(task);
  }

  /** The execution that lives in here. */
  attach(execution: Execution): void {
    this.#execution = execution;
    execution.result.then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  /** Opens the way to the world. `replayed` says what is left from before, if anything was before. */
  open(replayed?: Ended): void {
    this.#isOpen = true;
    const timers = [...this.#timers].sort(([, one], [, other]) => one.due - other.due);
    for (const [id, timer] of timers) this.#arm(id, timer);
    for (const [id, attempt] of this.#attempts) this.#run(id, attempt, replayed);
    this.#settle();
  }

  /** Takes an event of the execution; one that was written down before is not new. */
  record(event: HistoryEvent, isNew: boolean): void {
    this.#eventCount += 1;
    if (!isNew || this.#hasEnded) return;
    this.#unwritten.push(event);
    this.#options.onEvent?.(event);
  }

  /** Tells the execution; nothing is written down. */
  deliver(stimulus: Stimulus): void {
    this.#now = stimulus.at;
    switch (stimulus.kind) {
      case "timer":
        this.#fire(stimulus.timer);
        break;
      case "submitted":
        this.#submit(stimulus.task, stimulus.output);
        break;
      case "result":
        this.#take(stimulus.task)?.resolve(stimulus.output);
        break;
      case "error":
        this.#take(stimulus.task)?.reject(new TaskError(stimulus.error, stimulus.cause));
        break;
      case "token-succeeded":
        this.#holders.get(stimulus.token)?.succeed(parsePayload(stimulus.output));
        break;
      case "token-failed":
        this.#holders.get(stimulus.token)?.fail(stimulus.error, stimulus.cause);
        break;
      case "heartbeat":
        this.#holders.get(stimulus.token)?.heartbeat();
        break;
      case "stopped":
        this.#execution?.stop(stimulus.error, stimulus.cause);
    }
  }

  /** Tells the execution in its turn, and writes down that it was told. */
  accept(untimed: Untimed): void {
    if (this.#hasEnded) return;
    const at = Math.max(this.#now, this.#waiting.at(-1)?.at ?? 0, this.#options.clock.now());
    const stimulus: Stimulus = { ...untimed, at };
    this.#options.journal.stimulus(stimulus);
    this.#waiting.push(stimulus);
    this.#pump();
  }

  /** Ends the execution without a trace: what it did in here counts for nothing. */
  abandon(): void {
    this.#hasEnded = true;
    this.#unwritten = [];
    this.#execution?.stop();
  }

  #pump(): void {
    if (!this.#isOpen || this.#isSettling) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.deliver(next);
    this.#settle();
  }

  /** What was told last has taken its effect when the event loop has turned. */
  #settle(): void {
    this.#isSettling = true;
    const settled = turnOf(this.#options.clock).then(() => {
      this.#isSettling = false;
      this.#flush();
      this.#pump();
    });
    settled.catch(() => {});
  }

  #end(): void {
    this.#hasEnded = true;
    this.#flush();
  }

  #flush(): void {
    const events = this.#unwritten;
    if (events.length === 0) return;
    this.#unwritten = [];
    this.#options.journal.events(events);
  }

  #addTimer(milliseconds: number, run: () => void): () => void {
    const id = this.#timerCount++;
    const timer: Timer = { due: this.#now + Math.max(milliseconds, 0), run, cancel: () => {} };
    this.#timers.set(id, timer);
    if (this.#isOpen) this.#arm(id, timer);
    return () => {
      timer.cancel();
      this.#timers.delete(id);
    };
  }

  #arm(id: number, timer: Timer): void {
    const { clock } = this.#options;
    timer.cancel = clock.after(timer.due - clock.now(), () => this.accept({ kind: "timer", timer: id }));
  }

  #fire(id: number): void {
    const timer = this.#timers.get(id);
    this.#timers.delete(id);
    timer?.run();
  }

  #attempt(task: TaskAttempt): Promise<Json> {
    return new Promise((resolve, reject) => {
      const attempt = { task, events: this.#eventCount, submitted: undefined, resolve, reject };
      const id = this.#attemptCount++;
      this.#attempts.set(id, attempt);
      if (this.#isOpen) this.#run(id, attempt, undefined);
    });
  }

  #run(id: number, attempt: Attempt, replayed: Ended | undefined): void {
    const { task, submitted } = attempt;
    const told: TaskAttempt = {
      ...{ resource: task.resource, target: task.target, stateName: task.stateName },
      ...{ arguments: task.arguments, attempt: task.attempt, token: task.token, signal: task.signal },
      get context() {
        return task.context;
      },
      submitted: (output) => this.accept({ kind: "submitted", task: id, output }),
    };
    const isInterrupted = replayed !== undefined && attempt.events <= replayed.events;
    const work = isInterrupted ? replayed.interrupted(told, submitted) : this.#options.tasks(told);
    work.then(
      (output) => this.accept({ kind: "result", task: id, output }),
      (error) => this.accept({ kind: "error", task: id, ...errorOf(error) }),
    );
  }

  #submit(id: number, output: Json): void {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) return;
    attempt.submitted = output;
    attempt.task.submitted(output);
  }

  #take(id: number): Attempt | undefined {
    const attempt = this.#attempts.get(id);
    this.#attempts.delete(id);
    return attempt;
  }

  #hold(token: string, holder: TokenHolder): void {
    this.#holders.set(token, holder);
    const { tokens } = this.#options;
    tokens.hold(token, {
      // Closed at once: the second who uses a token is told so, also before the execution has heard the first.
      succeed: ({ text }) => {
        tokens.close(token);
        this.accept({ kind: "token-succeeded", token, output: text });
      },
      fail: (error, cause) => {
        tokens.close(token);
        this.accept({ kind: "token-failed", token, error, cause });
      },
      heartbeat: () => this.accept({ kind: "heartbeat", token }),
    });
  }

  #close(token: string): void {
    this.#holders.delete(token);
    this.#options.tokens.close(token);
  }
}

/** Everything that follows from one stimulus happens before the event loop turns: the engine waits for nothing else. */
export function turnOf(clock: Clock): Promise<void> {
  return clock.busy(new Promise((resolve) => setImmediate(resolve)), "a step of an execution");
}
