import * as z from "zod/mini";
import { SpillwayError } from "./errors.ts";
import { brings } from "./intent.ts";
import { listProblems, parse } from "./parse.ts";
import type { Cancellation, Deployment, Release } from "./records.ts";

const CancelInput = z.strictObject({
  cancel: z.string(),
  reason: z.optional(z.string().check(z.minLength(1), z.maxLength(500))),
  /** Step Functions' own, when another execution starts this one. */
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: z.optional(z.string()),
});

/**
 * Reads the input of an execution that cancels a release.
 * @throws SpillwayError InvalidInput with what is wrong and an example.
 */
export function readCancel(input: unknown): { release: string; reason: string } {
  const { cancel, reason = "no reason was given" } = parse(
    CancelInput,
    input,
    (problems) =>
      new SpillwayError(
        "InvalidInput",
        `${listProblems(problems, "input")}; for example {"cancel":"web-3f2a91c0d4e5-1","reason":"it has the wrong logo"}.`,
      ),
  );
  return { release: cancel, reason };
}

/** What a cancellation of a release is about: the release while it is open, and what else brings it somewhere. */
export interface CancelPlan {
  readonly release: boolean;
  /** Deployments of it that a person began. */
  readonly deployments: readonly Deployment[];
}

/**
 * Decides what there is to cancel. A rollback or a recovery is never cancelled: it is the way back.
 * @throws SpillwayError NothingToCancel if nothing of the release is under way.
 */
export function planCancel(release: Release, deployments: readonly Deployment[]): CancelPlan {
  const own = release.endedAt === undefined;
  const others = deployments.filter(
    ({ endedAt, intent, startedBy }) =>
      endedAt === undefined && brings(intent) && (!own || startedBy !== release.executionArn),
  );
  if (own || others.length > 0) return { release: own, deployments: others };
  throw new SpillwayError(
    "NothingToCancel",
    `${release.id} has ended as ${release.outcome} (${release.reason}); nothing of it is under way. To go back from what is live, start the deploy machine with {"intent":"rollback",…}.`,
  );
}

/** The cancellation that concerns a release, or one of its deployments; undefined if it is wanted still. */
export function cancellationOf(
  release: Pick<Release, "executionArn" | "cancelled">,
  deployment?: Pick<Deployment, "intent" | "startedBy" | "cancelled">,
): Cancellation | undefined {
  if (deployment === undefined) return release.cancelled;
  if (!brings(deployment.intent)) return undefined;
  return deployment.startedBy === release.executionArn ? release.cancelled : deployment.cancelled;
}

/** Who cancelled what, when and why. */
export function describeCancellation({ at, by, reason }: Cancellation): string {
  return `cancelled at ${new Date(at).toISOString()} by ${by}: ${reason}`;
}

/** @throws SpillwayError Cancelled if a release or its deployment is not wanted any more. */
export function refuseCancelled(...subject: Parameters<typeof cancellationOf>): void {
  const cancellation = cancellationOf(...subject);
  if (cancellation !== undefined) throw new SpillwayError("Cancelled", describeCancellation(cancellation));
}
