import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePushes, decideTry, gracePeriod, mostTries, seenBefore } from "../../core/lost-pushes.ts";

const now = gracePeriod * 10;
const images = fc.array(
  fc.record({
    digest: fc.integer({ min: 0, max: 300 }).map((number) => `sha256:${number}`),
    tag: fc.constantFrom("aaaaaaa", "latest"),
    pushedAt: fc.integer({ min: 0, max: now }).map((at) => at - (at % (gracePeriod / 10))),
  }),
  { maxLength: 400 },
);

describe("pushes that should have a release by now", () => {
  it("are none at the first look, whatever there is, and from then on all that was not there", () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 1, max: gracePeriod }), (tagged, later) => {
        const first = choosePushes(tagged, undefined, now);
        expect(first.images).toEqual([]);
        const newest = Math.max(0, ...tagged.map(({ pushedAt }) => pushedAt));
        const pushed = { digest: "sha256:new", tag: "new", pushedAt: newest + later };
        const next = choosePushes([...tagged, pushed], first.seenUntil, now + gracePeriod * 2);
        expect(next.images).toEqual([pushed]);
      }),
    );
  });

  it("are each seen to exactly once, look after look, the oldest first, and none too early", () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 0, max: now }), (pushed, from) => {
        const tagged = [...new Map(pushed.map((image) => [image.digest, image])).values()];
        const seen = [];
        for (let since = from; ; ) {
          const { images, seenUntil } = choosePushes(tagged, since, now);
          expect(seenUntil).toBeGreaterThanOrEqual(since);
          seen.push(...images);
          if (images.length === 0) break;
          expect(seenUntil).toBeGreaterThan(since);
          since = seenUntil;
        }
        const due = tagged.filter(({ pushedAt }) => pushedAt > from && pushedAt <= now - gracePeriod);
        expect(new Set(seen)).toEqual(new Set(due));
        expect(seen).toHaveLength(due.length);
        expect(seen.map(({ pushedAt }) => pushedAt)).toEqual(
          due.map(({ pushedAt }) => pushedAt).sort((a, b) => a - b),
        );
      }),
    );
  });

  it("are looked at a hundred at once, and the rest at the next look", () => {
    const many = Array.from({ length: 500 }, (_, at) => ({
      digest: `sha256:${at}`,
      tag: "a",
      pushedAt: at + 1,
    }));
    const first = choosePushes(many, 0, now);
    expect(first.images.length).toBeLessThan(500);
    expect(first.seenUntil).toBe(first.images.at(-1)?.pushedAt);
    expect(choosePushes(many, first.seenUntil, now).images[0]?.pushedAt).toBe(first.seenUntil + 1);
  });
});

describe("a push without a release", () => {
  const failed = (number: number, endedAt: number | undefined) => ({
    ...{ executionArn: `arn:try-${number}`, status: endedAt === undefined ? "RUNNING" : "FAILED" },
    ...{ cause: undefined, endedAt },
  });

  it("is tried four times, later and later, one after another, and is given up then", () => {
    const tries: ReturnType<typeof failed>[] = [];
    const startedAt: number[] = [];
    for (let now = 0; ; now += 60_000) {
      const decided = decideTry(tries, now);
      if (decided.decision === "give-up") {
        expect(decided.reason).toMatch(
          /^4 executions could not .* arn:try-4, ended as FAILED: it said nothing$/,
        );
        break;
      }
      if (decided.decision === "try") {
        tries.push(failed(decided.number, now));
        startedAt.push(now / 60_000);
      }
    }
    expect(startedAt).toEqual([0, 10, 30, 70]);
    expect(startedAt).toHaveLength(mostTries);
  });

  it("is waited for while one of its executions goes on, however long", () => {
    expect(decideTry([failed(1, 0), failed(2, undefined)], 1e9)).toEqual({ decision: "wait" });
  });

  it("is looked at again, and so is what was pushed after it", () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 0, max: now }), (tagged, since) => {
        const { images: due, seenUntil } = choosePushes(tagged, since, now);
        const unsettled = due.filter((_, index) => index % 3 === 1);
        const seen = seenBefore(seenUntil, unsettled);
        expect(seen).toBeGreaterThanOrEqual(since);
        const again = choosePushes(tagged, seen, now).images;
        for (const image of unsettled) expect(again).toContainEqual(image);
        if (unsettled.length === 0) expect(seen).toBe(seenUntil);
      }),
    );
  });
});
