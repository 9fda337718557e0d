import type { Clock } from "./clock.ts";

/** Node's timers hold a signed 32-bit number of milliseconds (24.8 days); longer ones would fire at once. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/** The machine's own time. */
export function createRealClock(): Clock {
  const now = () => Date.now();
  const after = (milliseconds: number, run: () => void): (() => void) => {
    const due = now() + milliseconds;
    let timer: ReturnType<typeof setTimeout>;
    const wait = (remaining: number) => {
      timer = setTimeout(
        () => {
          const rest = due - now();
          // A timer may fire a millisecond early: what is due at a time must not run before it.
          if (rest > 0) wait(rest);
          else run();
        },
        Math.min(Math.max(remaining, 0), LONGEST_TIMER_MILLISECONDS),
      );
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  };
  return { now, after, busy: (work) => work };
}
