import { expect, it } from "vitest";
import { createVirtualClock, sleep } from "../../local/asl/index.ts";
import { createTurns } from "./turns.ts";

it("time goes on when a function has failed of one of two calls, and the other is answered", async () => {
  const clock = createVirtualClock({ start: 0 });
  const turns = createTurns(clock);
  const fail = async () => {
    await sleep(clock, 10);
    throw new Error("refused");
  };
  const work = () => Promise.all([turns.away(fail), turns.away(() => sleep(clock, 1_000))]);
  await expect(clock.runUntil(turns.run("Function", work))).rejects.toThrow("refused");
  await clock.advance(5_000);
  expect(clock.now()).toBeGreaterThanOrEqual(5_000);
});
