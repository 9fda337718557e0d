import { describe, expect, it, vi } from "vitest";
import { createRealClock } from "../../../local/asl/index.ts";

describe("the real clock", () => {
  it("never fires before its time", async () => {
    const clock = createRealClock();
    const due = clock.now() + 5;
    await new Promise<void>((resolve) => clock.after(5, resolve));
    expect(clock.now()).toBeGreaterThanOrEqual(due);
  });

  it("waits longer than 24.8 days in steps that Node's timers can hold", () => {
    vi.useFakeTimers();
    try {
      const clock = createRealClock();
      const days = 24 * 3_600_000;
      let fired = false;
      clock.after(60 * days, () => {
        fired = true;
      });
      vi.advanceTimersByTime(59 * days);
      expect(fired).toBe(false);
      vi.advanceTimersByTime(days);
      expect(fired).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it("does not fire once cancelled", async () => {
    const clock = createRealClock();
    let fired = false;
    const cancel = clock.after(1, () => {
      fired = true;
    });
    cancel();
    cancel();
    await new Promise<void>((resolve) => clock.after(5, resolve));
    expect(fired).toBe(false);
  });
});
