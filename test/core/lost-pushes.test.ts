import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePushes, gracePeriod } from "../../core/lost-pushes.ts";

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
  it("are none at the first look, whatever there is", () => {
    fc.assert(
      fc.property(images, (tagged) => {
        expect(choosePushes(tagged, undefined, now)).toEqual({ images: [], seenUntil: now });
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
});
