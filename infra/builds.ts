import type { ProjectDescription } from "./application.ts";
import { buildLogGroup } from "./arns.ts";
import { makeLogGroup } from "./logs.ts";
import { network } from "./network.ts";
import { makeRole } from "./role.ts";
import { projectStatements } from "./roles.ts";
import { secrets } from "./secrets.ts";
import { application, config, place } from "./stage.ts";

/** What builds leave behind: reports, bills of materials, coverage. */
export const artifacts = new sst.aws.Bucket("Artifacts", {
  cors: false,
  lifecycle: [{ expiresIn: "90 days" }],
});

/** A project, its log and its own role: it may write its log, its reports and its artifacts, and read its secrets. */
function makeProject(project: ProjectDescription) {
  const { name, source, buildspec, timeoutMinutes, pushesTo } = project;
  const { type, image, computeType, isLambda } = project.compute;
  const privilegedMode = pushesTo.length > 0;
  const logs = makeLogGroup(`BuildLogs-${name}`, buildLogGroup(name));
  const role = makeRole(
    `Build-${name}`,
    "codebuild.amazonaws.com",
    artifacts.arn.apply((bucket) =>
      projectStatements(project, place, { secrets, artifacts: bucket, network: config.aws.network }),
    ),
  );
  return new aws.codebuild.Project(`Build-${name}`, {
    name,
    serviceRole: role.arn,
    source: { type: source.type, location: source.location, buildspec, gitCloneDepth: 0 },
    // A container engine needs to be privileged, and nothing else does.
    environment: { type, image, computeType, privilegedMode },
    artifacts: {
      type: "S3",
      location: artifacts.name,
      path: name,
      namespaceType: "BUILD_ID",
      name: "artifacts",
      encryptionDisabled: true,
    },
    ...(isLambda ? lambdaCompute : { cache: localCache(privilegedMode), buildTimeout: timeoutMinutes }),
    ...(project.network
      ? {
          vpcConfig: {
            vpcId: network.vpc,
            subnets: network.subnets,
            securityGroupIds: network.securityGroups,
          },
        }
      : {}),
    logsConfig: { cloudwatchLogs: { groupName: logs.name } },
  });
}

/** It has no cache, and no timeout of ours: its builds end after 15 minutes. */
const lambdaCompute = { cache: { type: "NO_CACHE" } };

/** On the host of the last build, if there is still one. */
function localCache(privileged: boolean) {
  return {
    type: "LOCAL",
    modes: ["LOCAL_SOURCE_CACHE", "LOCAL_CUSTOM_CACHE", ...(privileged ? ["LOCAL_DOCKER_LAYER_CACHE"] : [])],
  };
}

export const projects = application.projects.map(makeProject);
