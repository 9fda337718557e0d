import { connectTasks } from "../aws/ecs.ts";
import { connectTaskStarts } from "../aws/ecs-start.ts";
import { connectLogs } from "../aws/logs.ts";
import { SpillwayError } from "../core/errors.ts";
import type { LogPlace } from "../core/excerpt.ts";
import { type MigrationPurpose, migrationContainer, migrationFamily, migrationKey } from "../core/names.ts";
import type { DeploymentName, Release } from "../core/records.ts";
import { databaseOf, environmentOf, resourcesOf, rolesOf, secretReference } from "../core/settings.ts";
import type { Wait } from "../core/wait.ts";
import { accessSubject, connectionOf, connectionTo } from "./environment-connection.ts";
import type { Place } from "./middleware.ts";
import type { Work } from "./waiting.ts";

/**
 * Running a release's migration image for a deployment, as work that a state can wait for.
 * @param to with `down`: the schema revision to go back to.
 */
export function migrationWork(
  place: Place,
  release: Release,
  deployment: DeploymentName,
  purpose: MigrationPurpose,
  token: string,
  to?: string,
): Work {
  const { environment } = deployment;
  const { prefix } = release.installation.resources;
  const resources = resourcesOf(release, environment);
  const database = databaseOf(environmentOf(release, environment).environment);
  const { migrationImage } = release;
  if (database === undefined || migrationImage === undefined)
    throw new SpillwayError(
      "InvalidConfig",
      `${environment} has no migration image or no database secret; check spillway.config.ts.`,
    );
  const connection = connectionTo(place, release, environment);
  const family = migrationFamily(prefix, release.service, environment);
  const commands = { check: ["status"], up: ["up"], status: ["status"], down: ["down", "--to", to ?? ""] };
  return {
    key: migrationKey(deployment, purpose),
    kind: "task",
    release: deployment.release,
    token,
    subject: {
      ...nameOf(deployment),
      ...{ cluster: resources.cluster, purpose, family, logGroup: resources.migrationLogGroup },
      ...accessSubject(release, environment),
    },
    begin: async (work) => ({
      arn: await connectTaskStarts(connection).run({
        work,
        family,
        imageUri: migrationImage.uri,
        command: commands[purpose],
        secrets: {
          DATABASE_URL: secretReference(resources, database.secret),
          ...(database.ca === undefined ? {} : { DATABASE_CA: secretReference(resources, database.ca) }),
        },
        cluster: resources.cluster,
        subnets: resources.subnets,
        securityGroups: resources.securityGroups,
        publicAddress: resources.publicAddress,
        executionRoleArn: rolesOf(resources, release.service, environment).migrationExecution,
        taskRoleArn: resources.migrationTaskRoleArn,
        logGroup: resources.migrationLogGroup,
        region: place.environment.region,
      }),
    }),
    find: async (work) => {
      const arn = await connectTasks(connection).find(resources.cluster, work);
      return arn === undefined ? undefined : { arn };
    },
  };
}

/** By which a wait names its deployment. */
function nameOf({ environment, attempt }: DeploymentName): Record<string, string> {
  return { environment, attempt: String(attempt) };
}

/** What a migration task printed, as far as it has arrived, and where; undefined if no task was started. */
export async function readTaskLog(
  place: Place,
  { awaitedArn, subject }: Pick<Wait, "awaitedArn" | "subject">,
): Promise<{ lines: string[]; log: LogPlace } | undefined> {
  const { logGroup: group, family } = subject;
  const taskId = awaitedArn?.split("/").at(-1);
  if (taskId === undefined || group === undefined || family === undefined) return undefined;
  const stream = `${family}/${migrationContainer}/${taskId}`;
  return {
    lines: await connectLogs(connectionOf(place, { subject })).tail(group, stream),
    log: { group, stream },
  };
}
