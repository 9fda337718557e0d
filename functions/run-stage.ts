import * as z from "zod/mini";
import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { projectName } from "../core/names.ts";
import { lookAtBuild } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.object({ release: z.string(), stage: z.string(), token: z.string() });

/** Has CodeBuild run one stage of a release, on the commit and for the image that the release pinned. */
export const runStage: FunctionDefinition<typeof Input, void> = {
  name: "RunStage",
  input: Input,
  async run({ release: id, stage, token }, place) {
    const release = await connectRecords(place.connection, place.environment.table).requireRelease(id);
    const builds = connectBuilds(place.connection);
    const project = projectName(release.installation.resources.prefix, release.service, stage);
    const variables = {
      SPILLWAY_RELEASE: id,
      SPILLWAY_STAGE: stage,
      SPILLWAY_IMAGE: release.image.uri,
      ...(release.migrationImage === undefined
        ? {}
        : { SPILLWAY_MIGRATION_IMAGE: release.migrationImage.uri }),
      ...(release.commit === undefined ? {} : { SPILLWAY_COMMIT: release.commit }),
    };
    await awaitWork(
      place,
      {
        key: `${id}/stage/${stage}`,
        kind: "build",
        release: id,
        token,
        subject: { stage },
        begin: async (work) => ({
          arn: await builds.start({ project, commit: release.commit, work, variables }),
        }),
        find: async (work) => {
          const arn = await builds.find(project, work);
          return arn === undefined ? undefined : { arn };
        },
      },
      lookAtBuild(place),
    );
  },
};

export const handler = createHandler(runStage);
