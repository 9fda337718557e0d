import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCause } from "../../core/errors.ts";
import { beginHealth, describeHealth, judgeHealth, type Observation } from "../../core/health.ts";
import { decideLease } from "../../core/lease.ts";
import { canRunOn, findMigrationReport } from "../../core/migration.ts";
import { decideAbandonedOutcome, decideDeploymentOutcome, decideReleaseOutcome } from "../../core/outcome.ts";
import { planRollback } from "../../core/rollback.ts";
import { nextLook, type WaitKind } from "../../core/wait.ts";

const rules = { consecutiveSuccesses: 2, consecutiveFailures: 3, deadlineSeconds: 60 };
const good = (at: number): Observation => ({ at, answered: true, status: 200, latencyMilliseconds: 5 });
const bad = (at: number): Observation => ({
  at,
  answered: true,
  status: 500,
  latencyMilliseconds: 5,
  complaint: "HTTP 500",
});
const silent = (at: number): Observation => ({
  at,
  answered: false,
  latencyMilliseconds: 5,
  complaint: "no connection",
});
const judge = (...looks: Observation[]) => {
  let state = beginHealth(0);
  for (const look of looks) {
    const judged = judgeHealth(rules, state, look);
    if (judged.verdict !== undefined) return judged.verdict;
    state = judged.state;
  }
  return "undecided";
};

describe("health", () => {
  it("wants successes in a row", () => {
    expect(judge(good(1), bad(2), good(3), good(4))).toBe("healthy");
    expect(judge(good(1), silent(2), good(3))).toBe("undecided");
  });
  it("is told in one sentence, also before the first look", () => {
    expect(describeHealth(beginHealth(0))).toBe(
      "0 looks, 0 good in a row, 0 bad in a row; last: nothing was seen",
    );
    expect(describeHealth(judgeHealth(rules, beginHealth(0), good(1)).state)).toMatch(
      /last: HTTP 200 in 5 ms$/,
    );
  });
  it("tells bad answers from no answers", () => {
    expect(judge(bad(1), bad(2), bad(3))).toBe("unhealthy");
    expect(judge(silent(1), silent(2), silent(3))).toBe("undecided");
    expect(judge(silent(1), silent(61_000))).toBe("inconclusive");
    expect(judge(silent(1), bad(61_000))).toBe("unhealthy");
  });
  it("decides within the deadline, and never calls healthy what did not answer well at the end", () => {
    const look = fc.tuple(fc.constantFrom(good, bad, silent), fc.integer({ min: 1, max: 20_000 }));
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 60 }), (steps) => {
        let at = 0;
        const looks = steps.map(([make, after]) => {
          at += after;
          return make(at);
        });
        const verdict = judge(...looks);
        if (at >= 60_000) expect(verdict).not.toBe("undecided");
        if (verdict === "healthy")
          expect(looks.filter(({ complaint }) => complaint === undefined).length).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});

describe("migrations", () => {
  const schema = { revision: "0003", history: ["0001", "0002", "0003"], readableFrom: "0002" };

  it("knows which code may run on a schema", () => {
    expect(canRunOn("0003", schema)).toBe(true);
    expect(canRunOn("0002", schema)).toBe(true);
    expect(canRunOn("0001", schema)).toBe(false);
    expect(canRunOn(undefined, schema)).toBeUndefined();
    expect(canRunOn("abcd", schema)).toBeUndefined();
  });
  it("without readable-from, only the head's own code is known to run", () => {
    expect(canRunOn("0002", { ...schema, readableFrom: undefined })).toBe(false);
  });
  it("finds the last report among whatever an image prints", () => {
    const line = (after: string) =>
      JSON.stringify({ migration: { command: "up", before: null, after, applied: [after] } });
    expect(
      findMigrationReport(["{not json", line("0001"), "noise", line("0002"), '{"migration":7}'])?.after,
    ).toBe("0002");
    fc.assert(fc.property(fc.array(fc.string()), (lines) => void findMigrationReport(lines)));
  });
});

describe("rollback", () => {
  const image = (name: string) => ({ repository: "web", digest: `sha256:${name}`, uri: `web@${name}` });
  const live = { release: "web-1", image: image("old"), sequence: 1, since: 0 };
  const target = (uri: string, busy = false) => ({ exists: true, busy, imageUri: uri });

  const intent = "deploy";
  const switched = { begunAt: 0 };

  it("does nothing if the target was told nothing", () =>
    expect(planRollback({ intent, previous: live }, target("web@old"), undefined).action).toBe(
      "nothing-done",
    ));
  it("waits for a target at work, because it cannot be stopped", () =>
    expect(
      planRollback({ intent, switched, previous: live }, target("web@new", true), undefined).action,
    ).toBe("wait"));
  it("leaves a target that went back by itself", () =>
    expect(planRollback({ intent, switched, previous: live }, target("web@old"), undefined).action).toBe(
      "already-back",
    ));
  it("brings the settings back, too, if the same image was released once more with others", () => {
    const again = { intent, switched, previous: live } as const;
    const told = (release: string) => ({ ...target("web@old"), release });
    expect(planRollback(again, told("web-2"), undefined).action).toBe("restore");
    expect(planRollback(again, told("web-1"), undefined).action).toBe("already-back");
  });
  it("restores the previous revision", () =>
    expect(planRollback({ intent, switched, previous: live }, target("web@new"), undefined)).toEqual({
      action: "restore",
      revision: live,
    }));
  it("never rolls a rollback back", () =>
    expect(
      planRollback({ intent: "rollback", switched, previous: live }, target("web@new"), undefined).action,
    ).toBe("left"));
  it("believes the target when it recovers, whatever the record says", () => {
    const recover = { intent: "recover", startedBy: "arn:broken", previous: live } as const;
    expect(planRollback(recover, target("web@new"), undefined).action).toBe("restore");
    expect(planRollback(recover, target("web@old"), undefined).action).toBe("already-back");
    expect(planRollback(recover, target("web@new", true), undefined).action).toBe("wait");
  });
  it("never brings back code that cannot run on the schema as it is, whatever the target did by itself", () => {
    for (const intent of ["deploy", "promote", "recover"] as const)
      for (const image of ["web@new", "web@old"])
        expect(planRollback({ intent, switched, previous: live }, target(image), false).action).toBe(
          "schema-in-the-way",
        );
  });
  it("starts the live revision anew when a person asks for it after no crash", () => {
    const asked = { intent: "recover", previous: live } as const;
    const broken = { release: "web-2", environment: "production", attempt: 1 };
    expect(planRollback(asked, target("web@old"), undefined).action).toBe("restore");
    expect(planRollback({ ...asked, recovers: [broken] }, target("web@old"), undefined).action).toBe(
      "already-back",
    );
  });
  it("does not call well what a cancelled deployment left on a schema that it cannot run on", () => {
    const migration = { begunAt: 0, before: "0001", after: "0002", confirmed: true };
    const cancelled = { intent, previous: live, migration, isCancelled: true } as const;
    expect(planRollback(cancelled, target("web@old"), false).action).toBe("schema-in-the-way");
    expect(planRollback(cancelled, target("web@old"), true).action).toBe("already-back");
  });
  it("has nothing to go back to after a first deployment", () =>
    expect(planRollback({ intent, switched }, target("web@new"), undefined).action).toBe(
      "nothing-to-go-back-to",
    ));
});

describe("outcomes", () => {
  const unhealthy = { error: "DeploymentUnhealthy", cause: "HTTP 500" };
  const facts = {
    intent: "deploy",
    leased: true,
    failures: [unhealthy],
    verdict: undefined,
    migrationBegun: false,
    schemaChanged: undefined,
    rollback: undefined,
  } as const;

  it("is Released when nothing failed", () =>
    expect(decideDeploymentOutcome({ ...facts, failures: [] }).outcome).toBe("Released"));
  it("is RolledBack only when the previous revision was seen healthy", () => {
    expect(decideDeploymentOutcome({ ...facts, rollback: "restored", verdict: "healthy" })).toMatchObject({
      outcome: "RolledBack",
      freeze: false,
    });
    expect(decideDeploymentOutcome({ ...facts, rollback: "restored" })).toMatchObject({
      outcome: "NeedsAttention",
      freeze: true,
    });
  });
  it("is Rejected when nothing was touched", () =>
    expect(decideDeploymentOutcome({ ...facts, rollback: "nothing-done" }).outcome).toBe("Rejected"));
  it("tells a failed migration by the schema it left", () => {
    const failed = { ...facts, migrationBegun: true, rollback: "nothing-done" as const };
    expect(decideDeploymentOutcome({ ...failed, schemaChanged: false }).outcome).toBe("RolledBack");
    expect(decideDeploymentOutcome({ ...failed, schemaChanged: true })).toMatchObject({
      outcome: "NeedsAttention",
      freeze: true,
    });
    expect(decideDeploymentOutcome(failed)).toMatchObject({ outcome: "NeedsAttention", freeze: true });
  });
  it("needs attention, without a freeze, when a first deployment fails", () => {
    expect(decideDeploymentOutcome({ ...facts, rollback: "nothing-to-go-back-to" })).toMatchObject({
      outcome: "NeedsAttention",
      freeze: false,
    });
  });
  it("never says RolledBack after a second failure", () => {
    const twice = {
      ...facts,
      failures: [unhealthy, unhealthy],
      rollback: "restored" as const,
      verdict: "healthy" as const,
    };
    expect(decideDeploymentOutcome(twice).outcome).toBe("NeedsAttention");
  });
  it("touched nothing without the lease, and says who took its place", () => {
    expect(decideDeploymentOutcome({ ...facts, leased: false })).toEqual({
      outcome: "Rejected",
      freeze: false,
      stays: false,
    });
    const superseded = [{ error: "Superseded", cause: "older than web-2" }];
    const nothing = { ...facts, failures: superseded, rollback: "nothing-done" as const };
    expect(decideDeploymentOutcome(nothing).outcome).toBe("Superseded");
  });
  it("gives a failed rollback or recovery to a person, and freezes", () => {
    for (const [intent, rollback] of [
      ["rollback", "left"],
      ["recover", "restored"],
    ] as const)
      expect(decideDeploymentOutcome({ ...facts, intent, rollback, verdict: "healthy" })).toEqual({
        outcome: "NeedsAttention",
        freeze: true,
        stays: false,
      });
  });
  it("gives a release the gravest end of its deployments", () => {
    const of = (outcome: "Released" | "RolledBack" | "NeedsAttention" | undefined) => ({
      environment: "production",
      outcome,
      reason: "why",
    });
    expect(decideReleaseOutcome({ failures: [], deployments: [of("Released")] }).outcome).toBe("Released");
    expect(
      decideReleaseOutcome({ failures: [], deployments: [of("Released"), of("RolledBack")] }).outcome,
    ).toBe("RolledBack");
    expect(
      decideReleaseOutcome({ failures: [], deployments: [of("RolledBack"), of("NeedsAttention")] }).outcome,
    ).toBe("NeedsAttention");
    expect(decideReleaseOutcome({ failures: [], deployments: [of(undefined)] }).outcome).toBe(
      "NeedsAttention",
    );
    expect(decideReleaseOutcome({ failures: [unhealthy], deployments: [] }).outcome).toBe("Rejected");
  });
});

describe("a release that was broken off", () => {
  const live = { environment: "staging", outcome: "Released" as const, reason: undefined };

  it("is cancelled where a person stopped it, and says where it is live", () => {
    const failures = [{ error: "Cancelled", cause: "" }];
    expect(
      decideReleaseOutcome({ failures, deployments: [live], cancelled: "a person cancelled it" }),
    ).toEqual({
      outcome: "Cancelled",
      reason: "a person cancelled it; it is live in staging",
    });
    expect(
      decideReleaseOutcome({ failures, deployments: [], cancelled: "a person cancelled it" }).reason,
    ).toBe("a person cancelled it");
  });
  it("names the end of an environment that has no reason on record", () =>
    expect(
      decideReleaseOutcome({ failures: [], deployments: [{ ...live, outcome: "RolledBack" }] }).reason,
    ).toBe("staging: RolledBack"));
  it("says how its execution ended, with the words of who stopped it if there are any", () => {
    const end = { executionArn: "arn:1", status: "ABORTED", cause: undefined };
    const words = "without closing the release: arn:1";
    expect(decideAbandonedOutcome(end, [], false)).toEqual({
      outcome: "Cancelled",
      reason: `its execution ended as ABORTED ${words}`,
    });
    expect(decideAbandonedOutcome({ ...end, status: "TIMED_OUT", cause: "late" }, [live], false)).toEqual({
      outcome: "NeedsAttention",
      reason: `it is live in staging; its execution ended as TIMED_OUT (late) ${words}`,
    });
    expect(decideAbandonedOutcome({ ...end, status: "TIMED_OUT" }, [], false).outcome).toBe("Expired");
    expect(decideAbandonedOutcome({ ...end, status: "FAILED" }, [], false).outcome).toBe("Rejected");
    expect(decideAbandonedOutcome({ ...end, status: "FAILED" }, [], true).outcome).toBe("Cancelled");
    expect(decideAbandonedOutcome({ ...end, status: "FAILED" }, [live], true).outcome).toBe("Cancelled");
  });
});

describe("lease", () => {
  const wish = { owner: "arn:me", release: "web-2", reason: "deploys", intent: "deploy" } as const;
  const next = { execution: "arn:me", release: "web-2", attempt: 1, sequence: 2, openedAt: 0, since: 0 };
  const held = {
    service: "web",
    environment: "production",
    fence: 4,
    lease: { owner: "arn:other", release: "web-1", fence: 4, reason: "deploys", since: 0 },
    next,
  };
  const unknown = { quietSince: undefined };

  it("numbers each owner one higher", () => {
    expect(decideLease({ ...held, lease: undefined }, wish, unknown, 9)).toMatchObject({
      decision: "take",
      lease: { fence: 5, owner: "arn:me" },
    });
  });
  it("waits while the owner runs, or may", () => {
    expect(decideLease(held, wish, unknown, 100_000).decision).toBe("wait");
    expect(decideLease(held, wish, { quietSince: 40_000 }, 100_000).decision).toBe("wait");
  });
  it("takes over from an owner that ended, once its functions must have", () => {
    expect(decideLease(held, wish, { quietSince: 39_999 }, 100_000)).toMatchObject({
      decision: "take",
      previous: held.lease,
    });
  });
  it("is not for a deployment that has no place in line, whoever has it", () => {
    expect(decideLease({ ...held, next: undefined }, wish, unknown, 9)).toMatchObject({
      error: "Superseded",
      reason: expect.stringContaining("another execution took the place of"),
    });
  });
  it("keeps what it has, and refuses a frozen environment with the reason", () => {
    const own = { ...held, lease: { ...held.lease, owner: "arn:me" } };
    expect(decideLease(own, wish, unknown, 0).decision).toBe("keep");
    const frozen = { reason: "could not be restored", since: 0, release: "web-1" };
    expect(decideLease({ ...held, frozen }, wish, { quietSince: 1 }, 100_000)).toMatchObject({
      decision: "refuse",
      error: "DeploymentRefused",
      reason: expect.stringContaining("could not be restored"),
    });
  });
  it("is not for a deployment whose place in line another took, but for a rollback without one", () => {
    const free = { ...held, lease: undefined, next: { ...next, execution: "arn:newer", release: "web-3" } };
    expect(decideLease(free, wish, unknown, 9)).toMatchObject({
      decision: "refuse",
      error: "Superseded",
      reason: expect.stringContaining("web-3"),
    });
    expect(decideLease(free, { ...wish, intent: "rollback" }, unknown, 9).decision).toBe("take");
  });
  it("is not taken in a freeze or a stopped line but to go back; who has it already keeps it", () => {
    const free = { ...held, lease: undefined };
    const closed = { ...wish, closed: "production is frozen" };
    const passed = { decision: "refuse", error: "TurnPassed", reason: "production is frozen" };
    expect(decideLease(free, closed, unknown, 9)).toEqual(passed);
    expect(decideLease(held, closed, unknown, 9)).toEqual(passed);
    expect(decideLease(free, { ...closed, intent: "rollback" }, unknown, 9).decision).toBe("take");
    expect(decideLease(free, { ...closed, intent: "recover" }, unknown, 9).decision).toBe("take");
    const own = { ...held, lease: { ...held.lease, owner: "arn:me" } };
    expect(decideLease(own, closed, unknown, 9).decision).toBe("keep");
  });
});

describe("a frozen environment", () => {
  const frozen = {
    service: "web",
    environment: "production",
    fence: 4,
    frozen: { reason: "could not be restored", since: 0, release: "web-1" },
  };
  it.each([
    ["deploy", "refuse"],
    ["promote", "refuse"],
    ["rollback", "take"],
    ["recover", "take"],
  ] as const)("answers %s with %s", (intent, decision) => {
    const wish = { owner: "arn:me", release: "web-2", reason: "why", intent };
    expect(decideLease(frozen, wish, { quietSince: undefined }, 9).decision).toBe(decision);
  });
});

describe("small words", () => {
  it("reads the sentence out of a Lambda's cause", () => {
    expect(readCause('{"errorType":"StageFailed","errorMessage":"unit-tests failed","trace":[]}')).toBe(
      "unit-tests failed",
    );
    expect(readCause("plain")).toBe("plain");
    expect(readCause(undefined)).toBe("");
    expect(readCause('{"errorType":"StageFailed"}')).toBe('{"errorType":"StageFailed"}');
    expect(readCause("{cut off")).toBe("{cut off");
    expect(readCause('{"errorMessage":7}')).toBe('{"errorMessage":7}');
    expect(readCause("x".repeat(6000))).toBe(`${"x".repeat(4999)}…`);
  });
  it("asks again after one minute, doubling up to five", () => {
    const seconds = (kind: WaitKind) => [0, 1, 2, 3, 9].map((looks) => nextLook(0, looks, kind) / 1000);
    expect(seconds("build")).toEqual([60, 120, 240, 300, 300]);
    expect(seconds("operation")).toEqual([60, 120, 240, 300, 300]);
    // The limit of a migration, or a turn, may be near.
    expect(seconds("task")).toEqual([60, 60, 60, 60, 60]);
    expect(seconds("turn")).toEqual([60, 60, 60, 60, 60]);
  });
});
