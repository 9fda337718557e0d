/** ECR's lifecycle keeps so many tagged images of a repository, the newest; what is older is deleted. */
export const taggedImagesKept = 500;

/** From this place on, counted from the newest, an image that is needed is worth a person's attention. */
const nearTheEnd = 400;

/** A tagged image of a repository. */
export interface TaggedImage {
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
}

/** An image that must not go: what needs it, in words. */
export interface NeededImage {
  readonly digest: string;
  readonly neededAs: string;
}

/** A needed image that so many newer ones have been pushed after that ECR will soon delete it. */
export interface EndangeredImage extends NeededImage {
  /** Its place among the tagged images of its repository, the newest being 1; the last that is kept is 500. */
  readonly place: number;
}

/** The needed images of a repository that are near the end of what its lifecycle keeps. */
export function findEndangered(
  tagged: readonly TaggedImage[],
  needed: readonly NeededImage[],
): EndangeredImage[] {
  return needed.flatMap((image) => {
    const found = tagged.find(({ digest }) => digest === image.digest);
    if (found === undefined) return [];
    // Of images pushed in the same moment nobody knows which goes first: this one is taken as the older.
    const newer = tagged.filter(
      ({ digest, pushedAt }) => digest !== found.digest && pushedAt >= found.pushedAt,
    );
    const place = newer.length + 1;
    return place > nearTheEnd ? [{ ...image, place }] : [];
  });
}

/** What a person reads of it. */
export function describeEndangered(repository: string, { digest, neededAs, place }: EndangeredImage): string {
  return `${repository}@${digest}, ${neededAs}, is number ${place} of its repository, newest first, of which ECR keeps ${taggedImagesKept}: release something newer there, or delete images that nothing needs.`;
}
