import type * as codebuild from "@aws-sdk/client-codebuild";
import type { Caller } from "../iam/caller.ts";
import type { RoleSession } from "../iam/index.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import { type ArtifactTarget, artifactTargets, checkArtifacts } from "./artifacts.ts";
import { checkTimeouts } from "./projects.ts";
import type { BuildJob } from "./runner.ts";
import type { SecretMask } from "./secret-mask.ts";

/** A build's record, as the API shows it. */
export type BuildRecord = codebuild.Build & {
  readonly id: string;
  readonly arn: string;
  readonly projectName: string;
  readonly startTime: Date;
  readonly phases: codebuild.BuildPhase[];
  readonly timeoutInMinutes: number;
  readonly queuedTimeoutInMinutes: number;
};

/** What is decided when a build starts, its record and where its artifacts go. */
export interface MadeBuild {
  readonly record: BuildRecord;
  readonly artifacts: readonly ArtifactTarget[];
}

/** Makes the record of a build that is about to be queued. @throws AwsError InvalidInputException. */
export function makeBuild(
  world: World,
  project: codebuild.Project & { readonly name: string },
  input: codebuild.StartBuildCommandInput,
  buildNumber: number,
  caller: Caller,
): MadeBuild {
  checkTimeouts({
    timeoutInMinutes: input.timeoutInMinutesOverride,
    queuedTimeoutInMinutes: input.queuedTimeoutInMinutesOverride,
  });
  const primary = input.artifactsOverride ?? project.artifacts;
  const secondary = input.secondaryArtifactsOverride ?? project.secondaryArtifacts;
  for (const artifacts of [primary, ...(secondary ?? [])]) checkArtifacts(artifacts);
  const unique = uuid(world.random);
  const id = `${project.name}:${unique}`;
  const sourceVersion = input.sourceVersion ?? project.sourceVersion;
  const record: BuildRecord = {
    id,
    arn: arn(world, "codebuild", `build/${id}`),
    buildNumber,
    projectName: project.name,
    startTime: new Date(world.clock.now()),
    currentPhase: "SUBMITTED",
    buildStatus: "IN_PROGRESS",
    buildComplete: false,
    ...(sourceVersion === undefined ? {} : { sourceVersion }),
    source: sourceOf(project, input),
    environment: environmentOf(project, input),
    artifacts: { location: "" },
    cache: input.cacheOverride ?? project.cache ?? { type: "NO_CACHE" },
    serviceRole: input.serviceRoleOverride ?? project.serviceRole,
    logs: logsOf(world, project, input, unique),
    timeoutInMinutes: input.timeoutInMinutesOverride ?? project.timeoutInMinutes ?? 60,
    queuedTimeoutInMinutes: input.queuedTimeoutInMinutesOverride ?? project.queuedTimeoutInMinutes ?? 480,
    encryptionKey: project.encryptionKey ?? arn(world, "kms", "alias/aws/s3"),
    initiator: initiatorOf(caller),
    phases: [],
  };
  return { record, artifacts: artifactTargets(unique, primary, secondary) };
}

/** As CodeBuild writes it: `ROLE/SESSION` for who took a role, a user by name. */
function initiatorOf({ arn }: Caller): string {
  const resource = arn.split(":").at(-1) ?? arn;
  return resource.replace(/^(assumed-role|user)\//, "");
}

/** What the runner is given of a build. `variables` are its environment variables, resolved. */
export function jobOf(
  { record: build, artifacts }: MadeBuild,
  variables: Readonly<Record<string, string>>,
  mask: SecretMask,
): BuildJob {
  return {
    id: build.id,
    arn: build.arn,
    project: build.projectName,
    buildNumber: build.buildNumber ?? 0,
    startedAt: build.startTime.getTime(),
    image: build.environment?.image,
    source: {
      type: build.source?.type ?? "NO_SOURCE",
      location: build.source?.location,
      version: build.sourceVersion,
    },
    buildspec: build.source?.buildspec || "buildspec.yml",
    variables,
    artifacts,
    cache: cacheOf(build.cache),
    as: sessionOf(build),
    mask,
  };
}

/** By whose right a build does what it does. AWS names the session by the build's id. */
export function sessionOf({ serviceRole, id }: BuildRecord): RoleSession {
  return { roleArn: serviceRole, sessionName: `AWSCodeBuild-${id.slice(id.lastIndexOf(":") + 1)}` };
}

/** A cache in S3 is kept as the local one is; it has no layers of images. */
function cacheOf({ type = "NO_CACHE", modes = [] }: Partial<codebuild.ProjectCache> = {}): BuildJob["cache"] {
  return {
    paths: type === "S3" || (type === "LOCAL" && modes.includes("LOCAL_CUSTOM_CACHE")),
    dockerLayers: type === "LOCAL" && modes.includes("LOCAL_DOCKER_LAYER_CACHE"),
  };
}

function sourceOf(
  project: codebuild.Project,
  input: codebuild.StartBuildCommandInput,
): codebuild.ProjectSource {
  return {
    ...project.source,
    type: input.sourceTypeOverride ?? project.source?.type,
    ...(input.sourceLocationOverride === undefined ? {} : { location: input.sourceLocationOverride }),
    ...(input.buildspecOverride === undefined ? {} : { buildspec: input.buildspecOverride }),
    ...(input.gitCloneDepthOverride === undefined ? {} : { gitCloneDepth: input.gitCloneDepthOverride }),
  };
}

function environmentOf(
  project: codebuild.Project,
  input: codebuild.StartBuildCommandInput,
): codebuild.ProjectEnvironment {
  const variables = new Map<string | undefined, codebuild.EnvironmentVariable>();
  const given = [
    ...(project.environment?.environmentVariables ?? []),
    ...(input.environmentVariablesOverride ?? []),
  ];
  for (const variable of given) {
    if (variable.type === "PARAMETER_STORE") {
      throw new AwsError(
        "InvalidInputException",
        `The local AWS has no Parameter Store; give ${variable.name} as PLAINTEXT or SECRETS_MANAGER.`,
      );
    }
    variables.set(variable.name, { type: "PLAINTEXT", ...variable });
  }
  return {
    ...project.environment,
    type: input.environmentTypeOverride ?? project.environment?.type,
    image: input.imageOverride ?? project.environment?.image,
    computeType: input.computeTypeOverride ?? project.environment?.computeType,
    privilegedMode: input.privilegedModeOverride ?? project.environment?.privilegedMode ?? false,
    imagePullCredentialsType:
      input.imagePullCredentialsTypeOverride ?? project.environment?.imagePullCredentialsType ?? "CODEBUILD",
    environmentVariables: [...variables.values()],
  };
}

function logsOf(
  world: World,
  project: codebuild.Project,
  input: codebuild.StartBuildCommandInput,
  unique: string,
): codebuild.LogsLocation {
  const { cloudWatchLogs } = input.logsConfigOverride ?? project.logsConfig ?? {};
  const groupName = cloudWatchLogs?.groupName ?? `/aws/codebuild/${project.name}`;
  const streamName = cloudWatchLogs?.streamName ? `${cloudWatchLogs.streamName}/${unique}` : unique;
  return {
    groupName,
    streamName,
    deepLink: `https://console.aws.amazon.com/cloudwatch/home?region=${world.region}#logEvent:group=${groupName};stream=${streamName}`,
    cloudWatchLogs: { status: "ENABLED", ...cloudWatchLogs },
  };
}
