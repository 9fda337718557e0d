import * as z from "zod/mini";
import { refuseCancelled } from "../core/cancel.ts";
import { SpillwayError } from "../core/errors.ts";
import type { Release } from "../core/records.ts";
import { environmentOf } from "../core/settings.ts";
import { requireBuild, verificationVariables } from "../core/stage.ts";
import { buildWork } from "./build-work.ts";
import { connectPlace, readWanted } from "./deployment.ts";
import { lookAtBuild } from "./looks.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { readScope, ScopeInput, type StageScope } from "./stage-scope.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(ScopeInput, {
  stage: z.string(),
  /** Which combination of the stage's matrix; the stage's own name without one. */
  build: z.string(),
  token: z.string(),
  /** With a deployment: the execution that owns it, and where the environment answers. */
  execution: z.optional(z.string()),
  url: z.optional(z.string()),
});
type Input = z.infer<typeof Input>;

/**
 * Has CodeBuild run one build of a stage, on the commit and for the image that the release pinned. Given a
 * deployment, the stage verifies that: it is told where the environment answers, and its evidence is kept there.
 * @throws SpillwayError InvalidInput if the release was admitted without that build; LeaseLost if the deployment
 *   is not this execution's.
 */
export const runStage: FunctionDefinition<typeof Input, void> = {
  name: "RunStage",
  input: Input,
  async run(input, place) {
    const { stage, build, token } = input;
    const scope = readScope(input);
    const { release, verified } = await readChecked(scope, input, place);
    const { config, variables } = requireBuild(release, stage, build);
    const work = buildWork(place, release, {
      key: `${scope.key}/stage/${build}`,
      stage,
      token,
      subject: { build, ...scope.subject },
      variables: {
        ...config.variables,
        ...variables,
        ...images(release),
        ...verified,
      },
      secrets: config.secrets,
    });
    await awaitWork(place, work, lookAtBuild(place));
  },
};

function images({ image, migrationImage }: Release): Record<string, string> {
  return {
    ...(image === undefined ? {} : { SPILLWAY_IMAGE: image.uri }),
    ...(migrationImage === undefined ? {} : { SPILLWAY_MIGRATION_IMAGE: migrationImage.uri }),
  };
}

/** The release whose build runs, wanted still, and what a build is told that verifies a deployment. */
async function readChecked(
  { release: id, deployment }: StageScope,
  { execution, url }: Input,
  place: Place,
): Promise<{ release: Release; verified: Record<string, string> }> {
  if (deployment === undefined) {
    const release = await connectPlace(place).requireRelease(id);
    refuseCancelled(release);
    return { release, verified: {} };
  }
  if (execution === undefined || url === undefined)
    throw new SpillwayError(
      "InvalidInput",
      "A stage that verifies a deployment needs its execution and url.",
    );
  const { release } = await readWanted({ deployment, execution }, place);
  const { environment } = deployment;
  const settings = environmentOf(release, environment).environment;
  return { release, verified: verificationVariables(environment, settings, url) };
}

export const handler = createHandler(runStage);
