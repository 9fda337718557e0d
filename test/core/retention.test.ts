import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeEndangered, findEndangered, taggedImagesKept } from "../../core/retention.ts";

/** So many images, pushed one after another; the first is `sha256:0`. */
const pushed = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ digest: `sha256:${index}`, pushedAt: index }));
const first = { digest: "sha256:0", neededAs: "live in production" };

describe("an image that is needed", () => {
  it("is told of once more than 400 tagged ones are newer or as new, with the place where it stands", () => {
    expect(findEndangered(pushed(400), [first])).toEqual([]);
    const [found] = findEndangered(pushed(401), [first]);
    expect(found).toEqual({ ...first, place: 401 });
    expect(found && describeEndangered("web", found)).toBe(
      "web@sha256:0, live in production, is number 401 of its repository, newest first, of which ECR keeps 500: release something newer there, or delete images that nothing needs.",
    );
  });

  it("is not told of when it is gone already, or when nothing needs it", () => {
    expect(findEndangered(pushed(450).slice(1), [first])).toEqual([]);
    expect(findEndangered(pushed(450), [])).toEqual([]);
  });

  it("is told of before ECR deletes it, in whatever order images are listed and pushed", () => {
    const repository = fc.array(fc.nat(1000), { minLength: 1, maxLength: 520 });
    fc.assert(
      fc.property(repository, fc.nat(), (times, chosen) => {
        const tagged = times.map((pushedAt, index) => ({ digest: `sha256:${index}`, pushedAt }));
        const needed = { digest: `sha256:${chosen % tagged.length}`, neededAs: "live" };
        const { pushedAt = 0 } = tagged[chosen % tagged.length] ?? {};
        const surelyKept =
          tagged.filter((image) => image.pushedAt >= pushedAt).length <= taggedImagesKept - 100;
        expect(findEndangered(tagged, [needed])).toHaveLength(surelyKept ? 0 : 1);
      }),
    );
  });
});
