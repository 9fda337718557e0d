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

/** Any image of a repository. */
export interface KeptImage extends TaggedImage {
  readonly isTagged: boolean;
  /** Whether it can be pulled; one that is archived cannot, until it is restored. */
  readonly isArchived: boolean;
}

/** An image that must not go: what needs it, in words. */
export interface NeededImage {
  readonly digest: string;
  readonly neededAs: string;
}

/** A needed image that cannot be pulled, or that ECR will soon delete. */
export interface EndangeredImage extends NeededImage {
  readonly danger: /** Nobody can pull it any more: no new instance starts of it, and nobody goes back to it. */
    | { readonly kind: "missing" | "archived" }
    /** ECR deletes what has no tag two weeks after its push. */
    | { readonly kind: "untagged" }
    /** Its place among the tagged images of its repository, the newest being 1; the last that is kept is 500. */
    | { readonly kind: "near-limit"; readonly place: number };
}

/** The needed images of a repository that are gone, cannot be pulled, or are near the end of what its lifecycle keeps. */
export function findEndangered(
  images: readonly KeptImage[],
  needed: readonly NeededImage[],
): EndangeredImage[] {
  return needed.flatMap((image) => {
    const danger = dangerOf(images, image.digest);
    return danger === undefined ? [] : [{ ...image, danger }];
  });
}

function dangerOf(images: readonly KeptImage[], wanted: string): EndangeredImage["danger"] | undefined {
  const found = images.find(({ digest }) => digest === wanted);
  if (found === undefined) return { kind: "missing" };
  if (found.isArchived) return { kind: "archived" };
  if (!found.isTagged) return { kind: "untagged" };
  // Of images pushed in the same moment nobody knows which goes first: this one is taken as the older.
  const newer = images.filter(
    ({ digest, pushedAt, isTagged, isArchived }) =>
      digest !== wanted && isTagged && !isArchived && pushedAt >= found.pushedAt,
  );
  const place = newer.length + 1;
  return place > nearTheEnd ? { kind: "near-limit", place } : undefined;
}

/** Whether it is too late already: nobody can pull it. */
export function isUnusable({ danger: { kind } }: EndangeredImage): boolean {
  return kind === "missing" || kind === "archived";
}

/** What a person reads of it. */
export function describeEndangered(
  repository: string,
  { digest, neededAs, danger }: EndangeredImage,
): string {
  return `${repository}@${digest}, ${neededAs}, ${describeDanger(repository, digest, danger)}`;
}

function describeDanger(repository: string, digest: string, danger: EndangeredImage["danger"]): string {
  switch (danger.kind) {
    case "missing":
      return "is not in ECR any more: nothing new starts of it. Push it again, or release something else there.";
    case "archived":
      return `is archived, and cannot be pulled: aws ecr update-image-storage-class --repository-name ${repository} --image-id imageDigest=${digest} --target-storage-class STANDARD`;
    case "untagged":
      return "has lost its tag, and ECR deletes what has none two weeks after its push: tag it again, or release something newer there.";
    case "near-limit":
      return `is number ${danger.place} of its repository, newest first, of which ECR keeps ${taggedImagesKept}: release something newer there, or delete images that nothing needs.`;
  }
}
