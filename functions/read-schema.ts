import * as z from "zod/mini";
import { schemaMembers } from "../core/ending.ts";
import { SpillwayError } from "../core/errors.ts";
import { findMigrationReport } from "../core/migration.ts";
import { migrationKey } from "../core/names.ts";
import type { Deployment } from "../core/records.ts";
import { decideStillWanted } from "../core/still-wanted.ts";
import {
  connectPlace,
  DeploymentInput,
  type OpenDeployment,
  readDeployment,
  updateDeployment,
} from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { readTaskLog } from "./migration-work.ts";
import { schemaSource } from "./schema-source.ts";

const Input = z.extend(DeploymentInput, {
  /** Which task told: the check before the migration, or the one that took it back. */
  from: z.enum(["check", "down"]),
});

interface Answer {
  readonly schema: string | null;
  /** Whether the schema is where the migration image leads to, so that there is nothing to migrate. */
  readonly atHead: boolean;
}

/**
 * Reads from a migration task's log where the schema stands, and records it.
 * @throws MigrationResultMissing while the log has no report; MigrationFailed if a migration that was to be taken
 *   back left the schema elsewhere; DeploymentRefused if the code that a rollback would go back to cannot run on it.
 */
export const readSchema: FunctionDefinition<typeof Input, Answer> = {
  name: "ReadSchema",
  input: Input,
  async run(input, place) {
    const records = connectPlace(place);
    const [open, wait] = await Promise.all([
      readDeployment(input, place, records),
      records.wait(migrationKey(input.deployment, input.from)),
    ]);
    const printed = wait === undefined ? undefined : await readTaskLog(place, wait);
    const report = findMigrationReport(printed?.lines ?? []);
    if (report === undefined)
      throw new SpillwayError(
        "MigrationResultMissing",
        `The log of the task migrate-${input.from} holds no line {"migration":{…}} yet.`,
      );
    const schema = report.after;
    const now = place.connection.now();
    if (input.from === "down") await recordReverted(open, schema);
    else await recordBefore(open, schema, now);
    return { schema, atHead: schema !== null && schema === open.release.schemaHistory.at(-1) };
  },
};

async function recordBefore(open: OpenDeployment, schema: string | null, now: number): Promise<void> {
  const { intent, migration } = open.deployment;
  const databaseBefore = { at: now, schema };
  if (intent === "rollback") return recordForRollback(open, databaseBefore);
  if (intent === "recover") {
    const by = (await schemaSource(open)).id;
    const found = { begunAt: migration?.begunAt ?? now, by, after: schema, confirmed: true };
    return updateDeployment(open, { databaseBefore, migration: found });
  }
  const atHead = schema !== null && schema === open.release.schemaHistory.at(-1);
  const skipped = { begunAt: now, before: schema, after: schema, confirmed: true, skipped: true };
  await updateDeployment(open, {
    databaseBefore,
    ...(atHead && migration === undefined ? { migration: skipped } : {}),
  });
}

/** A rollback asks where nobody knew how the schema stands: only now it can be told whether its code can read it. */
async function recordForRollback(
  open: OpenDeployment,
  databaseBefore: NonNullable<Deployment["databaseBefore"]>,
): Promise<void> {
  await updateDeployment(open, { databaseBefore });
  const { deployment, release } = open;
  if (deployment.previous === undefined) return;
  const schema = schemaMembers({ ...deployment, databaseBefore }, await schemaSource(open));
  const decided = decideStillWanted(deployment, release, { ...deployment.previous, ...schema });
  if (!decided.wanted) throw new SpillwayError(decided.error, `${decided.reason}.`);
}

async function recordReverted(open: OpenDeployment, schema: string | null): Promise<void> {
  const { migration } = open.deployment;
  if (migration === undefined || migration.before !== schema)
    throw new SpillwayError(
      "MigrationFailed",
      `The migration was to be taken back to ${migration?.before ?? "nothing"}, but the schema is at ${schema ?? "nothing"}.`,
    );
  await updateDeployment(open, { migration: { ...migration, revert: "done" } });
}

export const handler = createHandler(readSchema);
