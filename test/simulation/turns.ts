import { AsyncLocalStorage } from "node:async_hooks";
import type { VirtualClock } from "../../local/asl/index.ts";

/** Whose turn it is: a function's that computes, or the services' that it waits for. */
export interface Turns {
  /** Runs a function: time stands still while it computes. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** What a function waits for: time may pass meanwhile. */
  away<T>(call: () => Promise<T>): Promise<T>;
}

/**
 * Keeps a virtual clock from moving on while a function of ours computes. The clock sees timers and what is declared
 * busy, but not that an SDK client loads a part of itself, which would let time pass in the middle of a request.
 */
export function createTurns(clock: VirtualClock): Turns {
  const running = new AsyncLocalStorage<{ calls: number; begin(): void; end(): void }>();
  return {
    run(name, work) {
      let end = () => {};
      let isOver = false;
      const turn = {
        calls: 0,
        begin() {
          // A call may be answered when its function has failed of another.
          if (isOver) return;
          const { promise, resolve } = Promise.withResolvers<void>();
          void clock.busy(promise, `the function ${name}`);
          end = resolve;
        },
        end: () => end(),
      };
      turn.begin();
      return running.run(turn, work).finally(() => {
        isOver = true;
        turn.end();
      });
    },
    async away(call) {
      const turn = running.getStore();
      if (turn === undefined) return call();
      if (++turn.calls === 1) turn.end();
      try {
        return await call();
      } finally {
        if (--turn.calls === 0) turn.begin();
      }
    },
  };
}
