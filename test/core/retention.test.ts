import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  describeEndangered,
  findEndangered,
  isUnusable,
  type KeptImage,
  taggedImagesKept,
} from "../../core/retention.ts";

const kept = (index: number, pushedAt = index): KeptImage => ({
  digest: `sha256:${index}`,
  pushedAt,
  isTagged: true,
  isArchived: false,
});
/** So many images, pushed one after another; the first is `sha256:0`. */
const pushed = (count: number) => Array.from({ length: count }, (_, index) => kept(index));
const first = { digest: "sha256:0", neededAs: "live in production" };

/** What is told of the first image of a repository. */
function toldOf(images: readonly KeptImage[]): string | undefined {
  const [found] = findEndangered(images, [first]);
  return found && describeEndangered("web", found);
}

describe("an image that is needed", () => {
  it("is told of once more than 400 tagged ones are newer or as new, with the place where it stands", () => {
    expect(findEndangered(pushed(400), [first])).toEqual([]);
    expect(toldOf(pushed(401))).toBe(
      "web@sha256:0, live in production, is number 401 of its repository, newest first, of which ECR keeps 500: release something newer there, or delete images that nothing needs.",
    );
  });

  it("is told of when it is gone, archived or has no tag, with what to do", () => {
    expect(toldOf(pushed(3).slice(1))).toContain("is not in ECR any more");
    expect(toldOf([{ ...kept(0), isArchived: true }])).toContain(
      "aws ecr update-image-storage-class --repository-name web --image-id imageDigest=sha256:0 --target-storage-class STANDARD",
    );
    expect(toldOf([{ ...kept(0), isTagged: false }])).toContain("has lost its tag");
  });

  it("is not told of when nothing needs it", () => {
    expect(findEndangered(pushed(450), [])).toEqual([]);
  });

  it("is unusable exactly if nobody can pull it, and then told of whatever else is there", () => {
    const images = fc.uniqueArray(
      fc.record({
        digest: fc.nat(5).map((index) => `sha256:${index}`),
        pushedAt: fc.nat(10),
        isTagged: fc.boolean(),
        isArchived: fc.boolean(),
      }),
      { selector: ({ digest }) => digest },
    );
    fc.assert(
      fc.property(images, (all) => {
        const own = all.find(({ digest }) => digest === first.digest);
        const [found] = findEndangered(all, [first]);
        const isPullable = own !== undefined && !own.isArchived;
        expect(found !== undefined && isUnusable(found)).toBe(!isPullable);
        expect(found === undefined).toBe(isPullable && own.isTagged);
      }),
    );
  });

  it("is told of before ECR deletes it, in whatever order images are listed and pushed", () => {
    const repository = fc.array(fc.nat(1000), { minLength: 1, maxLength: 520 });
    fc.assert(
      fc.property(repository, fc.nat(), (times, chosen) => {
        const tagged = times.map((pushedAt, index) => kept(index, pushedAt));
        const needed = { digest: `sha256:${chosen % tagged.length}`, neededAs: "live" };
        const { pushedAt = 0 } = tagged[chosen % tagged.length] ?? {};
        const surelyKept =
          tagged.filter((image) => image.pushedAt >= pushedAt).length <= taggedImagesKept - 100;
        expect(findEndangered(tagged, [needed])).toHaveLength(surelyKept ? 0 : 1);
      }),
    );
  });
});
