import type { Clock } from "./clock.ts";

/** A clock that its owner moves. Nothing happens between two timers, so a year passes in microseconds. */
export interface VirtualClock extends Clock {
  /**
   * Fires timers in order of time (then of creation) until `promise` settles, and returns what it settles to.
   * Time stands still while anything runs or `busy` work is outstanding.
   * Throws VirtualClockStuckError when nothing is left that could settle it.
   */
  runUntil<T>(promise: Promise<T>): Promise<T>;
  /** Fires every timer due within `milliseconds` from now, then stands exactly there. */
  advance(milliseconds: number): Promise<void>;
  /** How many timers are waiting: 0 when everything has been cleaned up. */
  readonly pendingTimers: number;
}

/** Nothing can move a virtual clock any further, although the promise it runs for has not settled. */
export class VirtualClockStuckError extends Error {
  override readonly name = "VirtualClockStuckError";
}

export interface VirtualClockOptions {
  /** Milliseconds since the Unix epoch at which it starts; 0 by default. */
  start?: number;
  /** How long, in real time, `busy` work may take before the clock gives up; a minute by default. */
  busyLimitMilliseconds?: number;
}

/** Makes a virtual clock. It is deterministic: the same program on it does the same, in the same order. */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const timers = new TimerHeap();
  const busyWork = new Map<Promise<unknown>, string>();
  const busyLimitMilliseconds = options.busyLimitMilliseconds ?? 60_000;
  let now = options.start ?? 0;
  let created = 0;
  const idleWaiters = new Set<() => void>();

  const after = (milliseconds: number, run: () => void) => {
    const timer: Timer = { due: now + Math.max(milliseconds, 0), order: created++, run, cancelled: false };
    timers.push(timer);
    return () => timers.cancel(timer);
  };

  const busy = <T>(work: Promise<T>, what = "unnamed work"): Promise<T> => {
    const tracked = work.then(
      () => undefined,
      () => undefined,
    );
    busyWork.set(tracked, what);
    void tracked.then(() => {
      busyWork.delete(tracked);
      if (busyWork.size === 0) for (const resume of idleWaiters) resume();
    });
    return work;
  };

  const waitForBusyWork = () =>
    new Promise<void>((resolve, reject) => {
      const resume = () => {
        clearTimeout(watchdog);
        idleWaiters.delete(resume);
        resolve();
      };
      const watchdog = setTimeout(() => {
        idleWaiters.delete(resume);
        reject(stuck(`busy work did not end within ${busyLimitMilliseconds} ms of real time`));
      }, busyLimitMilliseconds);
      idleWaiters.add(resume);
    });

  const settle = async () => {
    for (;;) {
      // Two turns: what the first turn's callbacks queued (nextTick, immediates, microtasks) must have run too.
      await turn();
      await turn();
      if (busyWork.size === 0) return;
      await waitForBusyWork();
    }
  };

  const stuck = (why: string) =>
    new VirtualClockStuckError(
      `The virtual clock stands at ${new Date(now).toISOString()} and cannot go on: ${why}. ` +
        `Outstanding: ${timers.size} timers, ${busyWork.size} busy (${[...busyWork.values()].join(", ") || "none"}). ` +
        "Something awaits a promise that no timer and no busy work will settle; wrap real I/O in clock.busy.",
    );

  const fireNext = () => {
    const timer = timers.pop();
    if (!timer) return false;
    now = Math.max(now, timer.due);
    timer.run();
    return true;
  };

  const runUntil = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    for (;;) {
      await settle();
      if (settled) return promise;
      if (!fireNext()) throw stuck("no timer is left");
    }
  };

  const advance = async (milliseconds: number) => {
    const until = now + milliseconds;
    for (;;) {
      await settle();
      if ((timers.peek()?.due ?? Number.POSITIVE_INFINITY) > until) break;
      fireNext();
    }
    now = until;
  };

  return {
    now: () => now,
    after,
    busy,
    runUntil,
    advance,
    get pendingTimers() {
      return timers.size;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A binary heap by time, then by creation. Cancelled timers are skipped when they come up. */
class TimerHeap {
  readonly #heap: Timer[] = [];
  #cancelled = 0;

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (!parent || isBefore(parent, timer)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = timer;
  }

  cancel(timer: Timer): void {
    if (timer.cancelled) return;
    timer.cancelled = true;
    this.#cancelled += 1;
  }

  peek(): Timer | undefined {
    while (this.#heap[0]?.cancelled) {
      this.#removeFirst();
      this.#cancelled -= 1;
    }
    return this.#heap[0];
  }

  pop(): Timer | undefined {
    const first = this.peek();
    if (!first) return undefined;
    this.#removeFirst();
    // From here on it has fired: cancelling it must not count it again.
    first.cancelled = true;
    return first;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const child = right && left && isBefore(right, left) ? right : left;
      if (!child || isBefore(last, child)) break;
      heap[index] = child;
      index = child === left ? 2 * index + 1 : 2 * index + 2;
    }
    heap[index] = last;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order);
}
