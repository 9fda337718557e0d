import * as z from "zod/mini";
import { SpillwayError } from "../core/errors.ts";
import { withLog } from "../core/excerpt.ts";
import { findMigrationReport } from "../core/migration.ts";
import { migrationKey } from "../core/names.ts";
import { connectPlace, DeploymentInput, readDeployment, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { readTaskLog } from "./migration-work.ts";

const Input = z.extend(DeploymentInput, {
  /** Whether the migration task failed. */
  failed: z.boolean(),
  /** Whether `InspectSchema` ran, so that its answer counts. */
  inspected: z.boolean(),
});

/**
 * Records the schema before and after, as the task's own log tells.
 * @throws MigrationResultMissing while the log has no report; SchemaUnknown if even `status` is silent;
 *   MigrationFailed if the migration failed, once the schema's state is on record, with what it printed last.
 */
export const confirmMigration: FunctionDefinition<typeof Input, { schema: string | null }> = {
  name: "ConfirmMigration",
  input: Input,
  async run(input, place) {
    const records = connectPlace(place);
    const [open, up, inspection] = await Promise.all([
      readDeployment(input, place, records),
      records.wait(migrationKey(input.deployment, "up")),
      input.inspected ? records.wait(migrationKey(input.deployment, "status")) : undefined,
    ]);
    const { previous, migration, databaseBefore } = open.deployment;
    const printed = up && (await readTaskLog(place, up));
    const reported = findMigrationReport(printed?.lines ?? []);
    const status = inspection && findMigrationReport((await readTaskLog(place, inspection))?.lines ?? []);
    const found = status ?? (input.failed ? undefined : reported);
    if (found === undefined)
      throw new SpillwayError(
        "MigrationResultMissing",
        `The log of the migration task holds no line {"migration":{…}} yet.`,
      );
    const told = databaseBefore === undefined ? previous?.schema : databaseBefore.schema;
    const before = reported === undefined ? told : reported.before;
    await updateDeployment(open, {
      migration: {
        begunAt: migration?.begunAt ?? place.connection.now(),
        before,
        after: found.after,
        confirmed: true,
      },
    });
    if (!input.failed) return { schema: found.after };
    const ended = up?.result?.end === "failed" ? up.result.cause : "the migration failed";
    const cause = `${ended}; ${describeSchema(before, found.after)}`;
    throw new SpillwayError(
      "MigrationFailed",
      printed === undefined ? cause : withLog(cause, printed.lines, printed.log),
    );
  },
};

function describeSchema(before: string | null | undefined, after: string | null): string {
  const now = `the schema is at ${after ?? "nothing"}`;
  if (before === undefined) return `${now}, and it is unknown where it stood before`;
  return before === after ? `${now}, as before` : `${now}, and was at ${before ?? "nothing"}`;
}

export const handler = createHandler(confirmMigration);
