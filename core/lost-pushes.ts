import type { ExecutionEnd } from "./outcome.ts";
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
  // By ECR's clock alone: what was pushed while it was looked at is newer than what was found.
  if (seenUntil === undefined)
    return { images: [], seenUntil: Math.max(0, ...tagged.map(({ pushedAt }) => pushedAt)) };
  const due = now - gracePeriod;
  const once = new Map(tagged.map((image) => [image.digest, image]));
  const unseen = [...once.values()]
    .filter(({ pushedAt }) => pushedAt > seenUntil && pushedAt <= due)
    .toSorted((one, other) => one.pushedAt - other.pushedAt);
  const last = unseen[mostAtOnce - 1];
  if (last === undefined) return { images: unseen, seenUntil: Math.max(seenUntil, due) };
  return { images: unseen.filter(({ pushedAt }) => pushedAt <= last.pushedAt), seenUntil: last.pushedAt };
}

/** Until when all pushes have been seen to if these are not: up to the first of them. Milliseconds since the epoch. */
export function seenBefore(seenUntil: number, unsettled: readonly PushedImage[]): number {
  return Math.min(seenUntil, ...unsettled.map(({ pushedAt }) => pushedAt - 1));
}

/** So often the release of a push is started, besides by its event. */
export const mostTries = 4;

/** How long after the end of the nth try another is made: ten minutes, doubling. In milliseconds. */
const pauseAfter = (tries: number) => 10 * 60_000 * 2 ** (tries - 1);

export type TryDecision =
  | { readonly decision: "try"; readonly number: number }
  /** One goes on, or it is too early for another. */
  | { readonly decision: "wait" }
  /** `reason` says in words why nothing became of it. */
  | { readonly decision: "give-up"; readonly reason: string };

/**
 * Decides what to do about a push that has no release.
 * @param tries the executions that were started for it, the oldest first; `endedAt` is undefined while one runs.
 */
export function decideTry(
  tries: readonly (ExecutionEnd & { readonly endedAt: number | undefined })[],
  now: number,
): TryDecision {
  const last = tries.at(-1);
  if (last === undefined) return { decision: "try", number: 1 };
  if (last.endedAt === undefined) return { decision: "wait" };
  if (tries.length >= mostTries)
    return {
      decision: "give-up",
      reason: `${tries.length} executions could not open a release of it, the last, ${last.executionArn}, ended as ${last.status}: ${last.cause ?? "it said nothing"}`,
    };
  if (now - last.endedAt < pauseAfter(tries.length)) return { decision: "wait" };
  return { decision: "try", number: tries.length + 1 };
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
