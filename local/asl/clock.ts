/** The only source of time in `local/`: real on a laptop, virtual in tests and simulation. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `run` once, at least `milliseconds` from now (any length, also beyond 24.8 days). Returns a cancel function; cancelling twice is harmless. */
  after(milliseconds: number, run: () => void): () => void;
  /**
   * Tells the clock that `work` is real work outside its control (I/O, another process).
   * A virtual clock stands still until it settles; a real clock ignores it. Returns `work`.
   * `what` names the work in the error of a clock that waited too long for it.
   */
  busy<T>(work: Promise<T>, what?: string): Promise<T>;
}

/** Numbers in [0, 1), as `Math.random`. */
export type Random = () => number;

/** Resolves after `milliseconds` on `clock`; rejects with `signal.reason` if aborted first. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(milliseconds, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
