import type { ProjectDescription } from "./application.ts";
import { buildLogGroup } from "./arns.ts";
import { makeLogGroup } from "./logs.ts";
import { makeRole } from "./role.ts";
import { projectStatements } from "./roles.ts";
import { secrets } from "./secrets.ts";
import { application, place } from "./stage.ts";

/** What builds leave behind: reports, bills of materials, coverage. */
export const artifacts = new sst.aws.Bucket("Artifacts", {
  cors: false,
  lifecycle: [{ expiresIn: "90 days" }],
});

/** A project, its log and its own role: it may write its log, its reports and its artifacts, and read its secrets. */
function makeProject(project: ProjectDescription) {
  const { name, source, buildspec, image, computeType, timeoutMinutes } = project;
  const { pushesTo } = project;
  const logs = makeLogGroup(`BuildLogs-${name}`, buildLogGroup(name));
  const role = makeRole(
    `Build-${name}`,
    "codebuild.amazonaws.com",
    artifacts.arn.apply((bucket) => projectStatements(project, place, { secrets, artifacts: bucket })),
  );
  return new aws.codebuild.Project(`Build-${name}`, {
    name,
    serviceRole: role.arn,
    source: { type: source.type, location: source.location, buildspec, gitCloneDepth: 0 },
    environment: {
      type: image.includes("aarch64") ? "ARM_CONTAINER" : "LINUX_CONTAINER",
      image,
      computeType,
      // A container engine needs it, and nothing else does.
      privilegedMode: pushesTo.length > 0,
    },
    artifacts: {
      type: "S3",
      location: artifacts.name,
      path: name,
      namespaceType: "BUILD_ID",
      name: "artifacts",
      encryptionDisabled: true,
    },
    cache: {
      type: "LOCAL",
      modes: [
        "LOCAL_SOURCE_CACHE",
        "LOCAL_CUSTOM_CACHE",
        ...(pushesTo.length > 0 ? ["LOCAL_DOCKER_LAYER_CACHE"] : []),
      ],
    },
    logsConfig: { cloudwatchLogs: { groupName: logs.name } },
    buildTimeout: timeoutMinutes,
  });
}

export const projects = application.projects.map(makeProject);
