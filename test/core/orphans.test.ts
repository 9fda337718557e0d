import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeOrphanTask, isOrphan, keysOfWork, mustBeTold } from "../../core/orphans.ts";
import { type Wait, workName } from "../../core/wait.ts";

const hour = 3_600_000;
const wait = fc.record({
  key: fc.constantFrom("web-1/stage/unit-tests", "web-1/stage/node/20", "web-1/production/1/migrate-up"),
  tries: fc.nat(2),
  awaitedArn: fc.constantFrom(undefined, "arn:one", "arn:two"),
  isClosed: fc.boolean(),
});

function waitOf({
  key,
  tries,
  awaitedArn,
  isClosed,
}: typeof wait extends fc.Arbitrary<infer One> ? One : never): Wait {
  return {
    ...{ key, tries, awaitedArn, kind: "build", release: "web-1", token: "t", begunAt: 0, subject: {} },
    ...{ looks: 0, lookAgainAt: 0 },
    ...(isClosed ? { result: { end: "failed" as const, error: "Stopped", cause: "enough" } } : {}),
  };
}

describe("work that nobody waits for", () => {
  it("is never what a wait is open for, whichever try of it, with its ARN noted or yet to be", () => {
    fc.assert(
      fc.property(wait, fc.array(wait, { maxLength: 2 }), fc.nat(10 * hour), (own, others, age) => {
        const open = waitOf({ ...own, isClosed: false });
        const running = { arn: own.awaitedArn ?? "arn:one", work: workName(open), startedAt: 0 };
        expect(keysOfWork(running.work)).toContain(open.key);
        expect(isOrphan(running, [open, ...others.map(waitOf)], age)).toBe(false);
      }),
    );
  });

  it("is what has no wait, or a closed one, or one for another try or start, after a while", () => {
    fc.assert(
      fc.property(wait, (own) => {
        const open = waitOf({ ...own, isClosed: false });
        const running = { arn: own.awaitedArn ?? "arn:one", work: workName(open), startedAt: 0 };
        expect(isOrphan(running, [], hour)).toBe(true);
        expect(isOrphan(running, [], 60_000)).toBe(false);
        expect(isOrphan(running, [waitOf({ ...own, isClosed: true })], hour)).toBe(true);
        expect(isOrphan(running, [{ ...open, tries: own.tries + 1 }], hour)).toBe(true);
        expect(isOrphan({ ...running, arn: "arn:three" }, [{ ...open, awaitedArn: "arn:one" }], hour)).toBe(
          true,
        );
      }),
    );
  });

  it("is told at once if it may change the database, and after half an hour if it only asks", () => {
    const task = (purpose: string) => ({
      arn: "arn:task",
      work: `web-1/production/1/migrate-${purpose}`,
      startedAt: 0,
    });
    expect(["up", "down", "up/1"].map((purpose) => mustBeTold(task(purpose), 1))).toEqual([true, true, true]);
    expect(["check", "status", "check/2"].map((purpose) => mustBeTold(task(purpose), 1))).toEqual([
      false,
      false,
      false,
    ]);
    expect(mustBeTold(task("status"), hour)).toBe(true);
    expect(describeOrphanTask(task("up"), { cluster: "spillway", logGroup: "/x" })).toContain(
      "may be changing the database",
    );
    expect(describeOrphanTask(task("check"), { cluster: "spillway", logGroup: "/x" })).toContain(
      "asks the database",
    );
  });
});
