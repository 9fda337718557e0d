import type { TaggedImage } from "./retention.ts";

/** A tagged image, and one of its tags. */
export interface PushedImage extends TaggedImage {
  readonly tag: string;
}

/**
 * A push that has no release after so long was not heard of. In milliseconds: admission itself waits up to fifteen
 * minutes for the migration image, and the record is written after that.
 */
export const gracePeriod = 20 * 60_000;

/** So many pushes are looked at in one run; those of one moment are never parted. */
const mostAtOnce = 50;

/** Pushes to look at, and until when all have been once these are seen to. */
export interface PushesToSee {
  /** The oldest first, each digest once. */
  readonly images: readonly PushedImage[];
  /** Milliseconds since the epoch; never past an image that is not seen to. */
  readonly seenUntil: number;
}

/**
 * The pushes that should have a release by now.
 * @param seenUntil every push until then has been seen to; undefined at the first look, when all there is counts as seen.
 */
export function choosePushes(
  tagged: readonly PushedImage[],
  seenUntil: number | undefined,
  now: number,
): PushesToSee {
  if (seenUntil === undefined) return { images: [], seenUntil: now };
  const due = now - gracePeriod;
  const once = new Map(tagged.map((image) => [image.digest, image]));
  const unseen = [...once.values()]
    .filter(({ pushedAt }) => pushedAt > seenUntil && pushedAt <= due)
    .toSorted((one, other) => one.pushedAt - other.pushedAt);
  const last = unseen[mostAtOnce - 1];
  if (last === undefined) return { images: unseen, seenUntil: Math.max(seenUntil, due) };
  return { images: unseen.filter(({ pushedAt }) => pushedAt <= last.pushedAt), seenUntil: last.pushedAt };
}

/** The input of a release execution, as ECR's event of the push would have been. */
export function describePush(repository: string, { digest, tag }: PushedImage): object {
  return {
    source: "aws.ecr",
    "detail-type": "ECR Image Action",
    detail: {
      "action-type": "PUSH",
      result: "SUCCESS",
      "repository-name": repository,
      "image-digest": digest,
      "image-tag": tag,
    },
  };
}
