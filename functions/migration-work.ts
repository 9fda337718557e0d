import { connectTasks } from "../aws/ecs.ts";
import { SpillwayError } from "../core/errors.ts";
import { deploymentKey, migrationFamily } from "../core/names.ts";
import type { DeploymentName, Release } from "../core/records.ts";
import { databaseOf, environmentOf, secretReference } from "../core/settings.ts";
import type { Place } from "./middleware.ts";
import type { Work } from "./waiting.ts";

/** The name of a migration command's work: how its wait is found again. */
export function migrationKey(deployment: DeploymentName, command: "up" | "status"): string {
  return `${deploymentKey(deployment)}/migrate-${command}`;
}

/** Running the migration image with one command, as work that a state can wait for. */
export function migrationWork(
  place: Place,
  release: Release,
  deployment: DeploymentName,
  command: "up" | "status",
  token: string,
): Work {
  const { environment } = deployment;
  const { resources } = release.installation;
  const database = databaseOf(environmentOf(release, environment).environment);
  const { migrationImage } = release;
  if (database === undefined || migrationImage === undefined)
    throw new SpillwayError(
      "InvalidConfig",
      `${environment} has no migration image or no database secret; check spillway.config.ts.`,
    );
  const tasks = connectTasks(place.connection);
  const subject = { cluster: resources.cluster };
  return {
    key: migrationKey(deployment, command),
    kind: "task",
    release: deployment.release,
    token,
    subject,
    begin: async (work) => ({
      arn: await tasks.run({
        work,
        family: migrationFamily(resources.prefix, release.service, environment),
        imageUri: migrationImage.uri,
        command: [command],
        secrets: {
          DATABASE_URL: secretReference(resources, database.secret),
          ...(database.ca === undefined ? {} : { DATABASE_CA: secretReference(resources, database.ca) }),
        },
        cluster: resources.cluster,
        subnets: resources.subnets,
        securityGroups: resources.securityGroups,
        executionRoleArn: resources.taskExecutionRoleArn,
        taskRoleArn: resources.migrationTaskRoleArn,
        logGroup: resources.migrationLogGroup,
        region: place.environment.region,
      }),
    }),
    find: async (work) => {
      const arn = await tasks.find(resources.cluster, work);
      return arn === undefined ? undefined : { arn };
    },
  };
}
