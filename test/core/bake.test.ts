import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BakeLook, beginBake, judgeBake } from "../../core/bake.ts";

const rules = {
  ...{ minutes: 10, intervalSeconds: 60, alarms: ["late"], errorPercent: 1, minimumRequests: 100 },
  ...{ whenInconclusive: "hold" as const, health: { consecutiveFailures: 3 } },
};
const end = 600_000;
const switchedAt = 1_000;

const kind = fc.record({
  health: fc.constantFrom("good", "bad", "silent"),
  alarm: fc.constantFrom("OK", "ALARM", "INSUFFICIENT_DATA", "MISSING"),
  alarmSince: fc.integer({ min: 0, max: 2_000 }),
  requests: fc.integer({ min: 0, max: 300 }),
  errors: fc.integer({ min: 0, max: 5 }),
  unknown: fc.boolean(),
});
type Kind = typeof kind extends fc.Arbitrary<infer Value> ? Value : never;

function look(at: number, { health, alarm, alarmSince, requests, errors, unknown }: Kind): BakeLook {
  const seen = { at, answered: health !== "silent", latencyMilliseconds: 1 };
  return {
    health: health === "good" ? seen : { ...seen, complaint: `/health ${health}` },
    alarms: [{ name: "late", state: alarm, since: alarmSince }],
    traffic: { requests, errors: Math.min(errors, requests) },
    ...(unknown ? { unknown: "CloudWatch did not say" } : {}),
  };
}

/** Looks each minute until there is a verdict. */
function bake(kinds: readonly Kind[]) {
  let state = beginBake(0);
  for (const [minute, kind] of kinds.entries()) {
    const seen = look(minute * 60_000, kind);
    const judged = judgeBake(rules, state, seen, switchedAt);
    if (judged.verdict !== undefined) return { ...judged, at: minute * 60_000, seen };
    state = judged.state;
  }
  return undefined;
}

describe("a bake", () => {
  it("ends in time, calls healthy only what was well to the end, and ill only what was seen to be", () => {
    fc.assert(
      fc.property(fc.array(kind, { minLength: 15, maxLength: 15 }), (kinds) => {
        const judged = bake(kinds);
        expect(judged).toBeDefined();
        if (judged === undefined) return;
        const { verdict, at, seen, state, why } = judged;
        const [alarm] = seen.alarms;
        const { requests = 0, errors = 0 } = seen.traffic ?? {};
        const rings = alarm?.state === "ALARM" && (alarm.since ?? 0) >= switchedAt;
        const fails = requests >= 100 && errors / requests > 0.01;
        expect(why).not.toBe("");
        if (verdict === "unhealthy") expect(rings || fails || state.failures >= 3).toBe(true);
        else expect(at).toBeGreaterThanOrEqual(end);
        if (verdict === "healthy")
          expect([alarm?.state, requests >= 100, seen.health.complaint, seen.unknown]).toEqual([
            ...["OK", true, undefined, undefined],
          ]);
        if (verdict === "inconclusive") expect(at).toBe(end + 180_000);
      }),
      { numRuns: 500 },
    );
  });

  it("waits a little at the end for what CloudWatch tells late", () => {
    const well = {
      health: "good",
      alarm: "OK",
      alarmSince: 0,
      requests: 500,
      errors: 0,
      unknown: false,
    } as const;
    const quiet = { ...well, requests: 10 } as const;
    const kinds = Array.from({ length: 13 }, (_, minute) => (minute < 12 ? quiet : well));
    expect(bake(kinds)).toMatchObject({ verdict: "healthy", at: end + 120_000 });
    expect(bake(Array.from({ length: 15 }, () => quiet))).toMatchObject({
      verdict: "inconclusive",
      why: "10 requests came and 0 failed; the error rate takes 100 to be told",
    });
  });

  it("says why it cannot tell: one request, an unwell last look, an alarm of before, CloudWatch", () => {
    const health = { at: end + 180_000, answered: false, latencyMilliseconds: 1, complaint: "no connection" };
    const seen: BakeLook = {
      health,
      alarms: [{ name: "late", state: "ALARM" }],
      traffic: { requests: 1, errors: 0 },
      unknown: "CloudWatch did not say",
    };
    expect(judgeBake(rules, beginBake(0), seen, switchedAt)).toMatchObject({
      verdict: "inconclusive",
      why: "the last look at its health: no connection; CloudWatch did not say; the alarm late rang before the release came and rings still; 1 request came and 0 failed; the error rate takes 100 to be told",
    });
  });

  it("says how long it was well", () => {
    const short = { ...rules, minutes: 1, alarms: [], errorPercent: undefined };
    const health = { at: 60_000, answered: true, latencyMilliseconds: 1 };
    expect(judgeBake(short, beginBake(0), { health, alarms: [] }, switchedAt)).toMatchObject({
      verdict: "healthy",
      why: "well for 1 minute and 1 looks",
    });
  });
});
