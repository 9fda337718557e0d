import * as z from "zod/mini";
import { connectLogs } from "../aws/logs.ts";
import { SpillwayError } from "../core/errors.ts";
import { findMigrationReport, type MigrationReport } from "../core/migration.ts";
import { migrationContainer, migrationFamily } from "../core/names.ts";
import { DeploymentInput, type OpenDeployment, readDeployment, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { migrationKey } from "./migration-work.ts";

const Input = z.extend(DeploymentInput, {
  /** Whether the migration task failed. */
  failed: z.boolean(),
  /** Whether `InspectSchema` ran, so that its answer counts. */
  inspected: z.boolean(),
});

/**
 * Records the schema before and after, as the task's own log tells.
 * @throws MigrationResultMissing while the log has no report; SchemaUnknown if even `status` is silent;
 *   MigrationFailed if the migration failed, once the schema's state is on record.
 */
export const confirmMigration: FunctionDefinition<typeof Input, { schema: string | null }> = {
  name: "ConfirmMigration",
  input: Input,
  async run(input, place) {
    const open = await readDeployment(input, place);
    const up = await report(open, place, "up");
    const status = input.inspected ? await report(open, place, "status") : undefined;
    const found = status ?? (input.failed ? undefined : up);
    if (found === undefined)
      throw new SpillwayError(
        "MigrationResultMissing",
        `The log of the migration task holds no line {"migration":{…}} yet.`,
      );
    const { previous, migration } = open.deployment;
    const before = up?.before ?? previous?.schema;
    await updateDeployment(open, {
      migration: {
        begunAt: migration?.begunAt ?? place.connection.now(),
        before,
        after: found.after,
        confirmed: true,
      },
    });
    if (!input.failed) return { schema: found.after };
    const state =
      before === undefined
        ? "it is unknown where it stood before"
        : before === found.after
          ? "it is unchanged"
          : `it was ${before ?? "empty"}`;
    throw new SpillwayError(
      "MigrationFailed",
      `The migration failed. The schema is at ${found.after ?? "nothing"}; ${state}.`,
    );
  },
};

async function report(
  { records, release, deployment }: OpenDeployment,
  { connection }: Place,
  command: "up" | "status",
): Promise<MigrationReport | undefined> {
  const wait = await records.wait(migrationKey(deployment, command));
  const taskId = wait?.awaitedArn?.split("/").at(-1);
  if (taskId === undefined) return undefined;
  const { prefix, migrationLogGroup } = release.installation.resources;
  const stream = `${migrationFamily(prefix, release.service, deployment.environment)}/${migrationContainer}/${taskId}`;
  return findMigrationReport(await connectLogs(connection).tail(migrationLogGroup, stream));
}

export const handler = createHandler(confirmMigration);
