import { delimiter, dirname } from "node:path";
import { credentialVariables } from "../iam/process-credentials.ts";
import type { World } from "../world.ts";
import { ownPrograms } from "./docker/programs.ts";
import type { BuildJob } from "./runner.ts";
import type { BuildFolders } from "./shell-runner.ts";

/** What CodeBuild itself gives a build (AWS documentation, "Environment variables in build environments"). */
export function platformVariables(
  world: Pick<World, "region" | "endpoint" | "iam">,
  path: string,
  folders: BuildFolders,
  job: BuildJob,
  commit: string | undefined,
): Record<string, string> {
  return {
    PATH: [dirname(process.execPath), ownPrograms, path].join(delimiter),
    HOME: folders.home,
    TMPDIR: folders.temporary,
    LANG: "C.UTF-8",
    CI: "true",
    SPILLWAY_IMAGES: folders.images,
    ...credentialVariables(world, job.as),
    AWS_REGION: world.region,
    AWS_DEFAULT_REGION: world.region,
    AWS_ENDPOINT_URL: world.endpoint(),
    CODEBUILD_BUILD_ARN: job.arn,
    CODEBUILD_BUILD_ID: job.id,
    CODEBUILD_BUILD_IMAGE: job.image ?? "",
    CODEBUILD_BUILD_NUMBER: String(job.buildNumber),
    CODEBUILD_BUILD_SUCCEEDING: "1",
    CODEBUILD_INITIATOR: "local",
    CODEBUILD_RESOLVED_SOURCE_VERSION: commit ?? "",
    CODEBUILD_SOURCE_REPO_URL: job.source.location ?? "",
    CODEBUILD_SOURCE_VERSION: job.source.version ?? "",
    CODEBUILD_SRC_DIR: folders.source,
    CODEBUILD_START_TIME: String(job.startedAt),
  };
}
