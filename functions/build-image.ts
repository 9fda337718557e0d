import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { refuseCancelled } from "../core/cancel.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireService } from "../core/settings.ts";
import { buildImageStage } from "../core/stage.ts";
import { buildWork } from "./build-work.ts";
import { lookAtBuild } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.object({ release: z.string(), token: z.string() });

/** Has CodeBuild build and push the images of a release's commit. The push opens a release of its own. */
export const buildImage: FunctionDefinition<typeof Input, void> = {
  name: "BuildImage",
  input: Input,
  async run({ release: id, token }, place) {
    const release = await connectRecords(place.connection, place.environment.table).requireRelease(id);
    refuseCancelled(release);
    const { build, image, migration } = requireService(release);
    if (build === undefined)
      throw new SpillwayError("InvalidConfig", `The service ${release.service} has no build in its config.`);
    const work = buildWork(place, release, {
      key: `${id}/stage/${buildImageStage}`,
      stage: buildImageStage,
      token,
      subject: {},
      variables: {
        ...build.variables,
        SPILLWAY_REGISTRY: release.installation.resources.registry,
        SPILLWAY_REPOSITORY: image.repository,
        ...(migration === undefined ? {} : { SPILLWAY_MIGRATION_REPOSITORY: migration.repository }),
      },
      secrets: build.secrets,
    });
    await awaitWork(place, work, lookAtBuild(place));
  },
};

export const handler = createHandler(buildImage);
