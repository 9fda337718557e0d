import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdAfter, refuseHeld } from "../../core/hold.ts";
import { Intent } from "../../core/intent.ts";
import { Outcome } from "../../core/outcome.ts";
import { isProvenIll, refuseQuarantined } from "../../core/quarantine.ts";
import type { Hold, Quarantine, Revision } from "../../core/records.ts";

const digest = `sha256:${"a".repeat(64)}`;
const quarantine = (since: number): Quarantine => ({
  ...{ service: "web", environment: "production", release: "web-1", verdict: "unhealthy", reason: "ill" },
  ...{ digest, since },
});
const intent = fc.constantFrom(...Intent.options);
const outcome = fc.constantFrom(...Outcome.options);
const order = fc.integer({ min: 1, max: 9 });
const at = fc.integer({ min: 0, max: 100 });

describe("a quarantine", () => {
  it("never keeps anyone from going back, and yields only to a word that was given after it", () => {
    fc.assert(
      fc.property(intent, at, fc.option(at, { nil: undefined }), (intent, since, forced) => {
        const refused = refuseQuarantined(quarantine(since), intent, forced) !== undefined;
        const goesBack = intent === "rollback" || intent === "recover";
        expect(refused).toBe(!goesBack && (forced === undefined || forced < since));
      }),
    );
  });

  it("says in one line why it is there, however much was said of it", () => {
    const long = { ...quarantine(0), reason: `${"x".repeat(500)}\nand a log` };
    expect(refuseQuarantined(long, "deploy", undefined)).toContain(`(${"x".repeat(399)}…)`);
  });

  it("is for what was judged unhealthy and rolled back, nothing else", () => {
    const verdict = fc.constantFrom("healthy", "unhealthy", "inconclusive");
    const errors = ["TargetRolledBack", "TargetFailed", "AwsFault", "StageFailed", "States.Timeout"] as const;
    const state = { startedAt: 0, successes: 0, failures: 0, looks: 1, recent: [] };
    fc.assert(
      fc.property(intent, outcome, verdict, fc.constantFrom(...errors), (intent, outcome, verdict, error) => {
        const health = [{ phase: "deployed" as const, verdict, state }];
        const ill = isProvenIll({ intent, health }, [{ error }], outcome);
        if (ill) expect(outcome).toBe("RolledBack");
        if (ill) expect(verdict === "unhealthy" || error === "TargetRolledBack").toBe(true);
        if (ill) expect(["deploy", "promote"]).toContain(intent);
      }),
    );
  });
});

describe("a hold", () => {
  const hold = fc.option(
    fc.record<Hold>({
      reason: fc.constant("it was ill"),
      since: at,
      release: fc.constant("web-0"),
      sequence: order,
    }),
    { nil: undefined },
  );
  const revision = (sequence: number): Revision => ({
    ...{ release: `web-${sequence}`, sequence, since: 0 },
    image: { repository: "web", digest, uri: `web@${digest}` },
  });
  const ended = fc.record({ before: hold, intent, outcome, live: order, sequence: order });

  it("never lets a push through that is not newer than what was taken back or could not be judged", () => {
    fc.assert(
      fc.property(ended, order, ({ before, intent, outcome, live, sequence }, next) => {
        const deployment = { intent, environment: "production", previous: revision(live) };
        const after = holdAfter(before, deployment, revisionAsRelease(sequence), outcome, 1);
        const refused = refuseHeld({ environment: "production", hold: after }, revisionAsRelease(next), true);
        const brought = intent === "deploy" || intent === "promote";
        if (brought && (outcome === "RolledBack" || outcome === "NeedsAttention") && next <= sequence)
          expect(refused).toContain("is held since");
        if (intent === "rollback" && outcome === "Released" && sequence < live && next <= live)
          expect(refused).toBeDefined();
        if (next > Math.max(before?.sequence ?? 0, live, sequence)) expect(refused).toBeUndefined();
      }),
    );
  });

  it("moves back only when a person or something healthy lifted it, and keeps no person from anything", () => {
    fc.assert(
      fc.property(ended, ({ before, intent, outcome, live, sequence }) => {
        const deployment = { intent, environment: "production", previous: revision(live) };
        const after = holdAfter(before, deployment, revisionAsRelease(sequence), outcome, 1);
        if (outcome !== "Released")
          expect(after?.sequence ?? 0).toBeGreaterThanOrEqual(before?.sequence ?? 0);
        const held = { environment: "production", hold: after };
        expect(refuseHeld(held, revisionAsRelease(sequence), false)).toBeUndefined();
      }),
    );
  });

  function revisionAsRelease(sequence: number): { id: string; sequence: number } {
    return { id: `web-${sequence}`, sequence };
  }

  it("stays as it was after a rollback to what nobody remembers a predecessor of", () => {
    const went = { intent: "rollback", environment: "production", previous: undefined } as const;
    const before = { release: "web-2", sequence: 2, reason: "ill", since: 0 };
    expect(holdAfter(before, went, { id: "web-1", sequence: 1 }, "Released", 9)).toBe(before);
  });
});
