import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectImages } from "../aws/ecr.ts";
import { chooseWaves, releaseId, tagsOfCommit } from "../core/admission.ts";
import { describeCancellation } from "../core/cancel.ts";
import { type Failure, readCause, SpillwayError } from "../core/errors.ts";
import { decideBuildOutcome, decideReleaseOutcome } from "../core/outcome.ts";
import type { Deployment, Release } from "../core/records.ts";
import { requireService } from "../core/settings.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";

const Input = z.object({
  release: z.string(),
  failures: z.array(z.object({ error: z.string(), cause: z.string() })),
});

type Ending = Required<Pick<Release, "outcome" | "reason">> & Pick<Release, "built">;

/** Closes the release's record with its outcome. Closing twice gives the first outcome again. */
export const completeRelease: FunctionDefinition<typeof Input, Ending & { release: string }> = {
  name: "CompleteRelease",
  input: Input,
  async run({ release: id, failures: caught }, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const { release, deployments } = await records.wholeRelease(id);
    const { outcome, reason = "", built } = release;
    if (outcome !== undefined) return { release: id, outcome, reason, built };
    const failures = caught.map(({ error, cause }) => ({ error, cause: readCause(cause) }));
    const ending =
      release.image === undefined
        ? await endBuild(place, release, failures)
        : decideReleaseOutcome({
            failures,
            deployments: endsOf(release, deployments),
            planned: chooseWaves(requireService(release), release.environments).flat(),
            cancelled: cancelledInWords(release),
          });
    await records.closeRelease(id, { ...ending, endedAt: place.connection.now() });
    return { release: id, ...ending };
  },
};

/**
 * What the release itself deployed; a person may deploy, promote or go back to it as well.
 * @throws SpillwayError DeploymentOpen while a deployment that was broken off is being recovered.
 */
function endsOf({ executionArn }: Release, deployments: readonly Deployment[]): readonly Deployment[] {
  const own = deployments.filter(({ startedBy }) => startedBy === executionArn);
  const open = own.find(({ endedAt }) => endedAt === undefined);
  if (open === undefined) return own;
  throw new SpillwayError(
    "DeploymentOpen",
    `The deployment to ${open.environment} was broken off and is being recovered; its end is the release's (${open.executionArn}).`,
  );
}

/** A release by commit ends with what its build pushed. */
async function endBuild(
  { connection }: Place,
  release: Release,
  failures: readonly Failure[],
): Promise<Ending> {
  const { service, commit = "" } = release;
  const { repository } = requireService(release).image;
  const pushed =
    failures.length > 0
      ? undefined
      : await connectImages(connection).findTag(repository, tagsOfCommit(commit));
  const ending = decideBuildOutcome(failures, commit, pushed, cancelledInWords(release));
  if (pushed === undefined) return { ...ending, built: undefined };
  return { ...ending, built: { ...pushed, release: releaseId(service, pushed.digest, 1) } };
}

function cancelledInWords({ cancelled }: Release): string | undefined {
  return cancelled && describeCancellation(cancelled);
}

export const handler = createHandler(completeRelease);
