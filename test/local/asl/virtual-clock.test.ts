import { describe, expect, it } from "vitest";
import { createVirtualClock, sleep, VirtualClockStuckError } from "../../../local/asl/index.ts";

describe("a virtual clock", () => {
  it("fires timers by time, then in order of creation", async () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    clock.after(20, () => fired.push("late"));
    clock.after(10, () => fired.push("first"));
    clock.after(10, () => fired.push("second"));
    await clock.advance(30);
    expect(fired).toEqual(["first", "second", "late"]);
    expect(clock.now()).toBe(30);
  });

  it("passes a year at once, and does not overflow where Node's timers do", async () => {
    const clock = createVirtualClock();
    const year = 365 * 24 * 3_600_000;
    await clock.runUntil(sleep(clock, year));
    expect(clock.now()).toBe(year);
  });

  it("stands still while real work is under way", async () => {
    const clock = createVirtualClock();
    const order: string[] = [];
    const work = clock.busy(
      new Promise<void>((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve)))).then(
        () => {
          order.push(`work at ${clock.now()}`);
        },
      ),
    );
    const timer = sleep(clock, 5).then(() => order.push(`timer at ${clock.now()}`));
    await clock.runUntil(Promise.all([work, timer]));
    expect(order).toEqual(["work at 0", "timer at 5"]);
  });

  it("does not run a cancelled timer, cancelled once or twice or after it fired", async () => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    const cancel = clock.after(5, () => fired.push(5));
    cancel();
    cancel();
    const cancelFired = clock.after(1, () => fired.push(1));
    await clock.advance(10);
    cancelFired();
    expect(fired).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("says so when nothing can settle what is awaited", async () => {
    const clock = createVirtualClock();
    await expect(clock.runUntil(new Promise(() => {}))).rejects.toThrow(VirtualClockStuckError);
    await expect(clock.runUntil(new Promise(() => {}))).rejects.toThrow("0 timers, 0 busy");
  });

  it("names the busy work that does not end", async () => {
    const clock = createVirtualClock({ busyLimitMilliseconds: 5 });
    void clock.busy(new Promise(() => {}), "a build that hangs");
    await expect(clock.runUntil(sleep(clock, 1))).rejects.toThrow("a build that hangs");
  });

  it("ends a sleep whose signal is aborted and leaves no timer", async () => {
    const clock = createVirtualClock();
    const abort = new AbortController();
    const sleeping = sleep(clock, 1000, abort.signal);
    abort.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    expect(clock.pendingTimers).toBe(0);
  });
});
