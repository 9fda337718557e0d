import type { Mutant } from "../mutant.ts";

/** What migrations do to a schema, and which code may come or go back to it. */
export const migrations: readonly Mutant[] = [
  {
    name: "one-way-door",
    guard: "no schema comes that the code before could not read",
    file: "functions/prepare-deployment.ts",
    from: "if (canRunOn(previous.builtAgainst, after) !== false) return;",
    to: "return;",
  },
  {
    name: "schema-of-a-rollback",
    guard: "nobody goes back to code that cannot read the schema",
    file: "core/still-wanted.ts",
    from: "if (canStay(builtAgainst, live) !== false) return { wanted: true };",
    to: "return { wanted: true };",
  },
  {
    name: "schema-in-the-way",
    guard: "nothing is brought back that cannot read the schema as it is now",
    file: "core/rollback.ts",
    from: `if (readable === false) return { action: "schema-in-the-way" };
  if (runs(`,
    to: "if (runs(",
  },
  {
    name: "schema-on-record",
    guard: "where a migration left the schema is on record",
    file: "functions/confirm-migration.ts",
    from: "after: found.after,",
    to: "after: before ?? null,",
  },
  {
    name: "schema-after-a-crash",
    guard: "after a crash in a migration the database is asked where it stands",
    file: "functions/prepare-deployment.ts",
    from: "checkDatabase: begunAt !== undefined",
    to: "checkDatabase: false",
  },
  {
    name: "failed-migration",
    guard: "a migration that exits otherwise than with 0 has failed",
    file: "aws/ecs.ts",
    from: "container?.exitCode === 0)",
    to: "container?.exitCode !== undefined)",
  },
  {
    name: "migration-on-record-first",
    guard: "that a migration may run is on record before it is begun",
    file: "functions/migrate-database.ts",
    from: "!(await open.records.beginMigration(open.deployment, place.connection.now()))",
    to: "false",
  },
  {
    name: "migration-noted-once",
    guard: "a note that a migration may begin does not forget what became of it",
    file: "aws/dynamodb.ts",
    from: "AND attribute_not_exists(endedAt) AND attribute_not_exists(migration)",
    to: "AND attribute_not_exists(endedAt)",
  },
  {
    name: "migration-begun-twice",
    guard: "each try of a migration has the token of its work",
    file: "aws/ecs-start.ts",
    from: "clientToken: idempotencyToken(task.work),",
    to: "clientToken: idempotencyToken(`$" + "{task.work} $" + "{taskDefinition}`),",
  },
  {
    name: "revert-on-record-first",
    guard: "that a migration may be taken back is on record before that is begun",
    file: "functions/revert-migration.ts",
    from: `await updateDeployment(open, { migration: { ...migration, revert: "begun" } });`,
    to: "await Promise.resolve();",
  },
  {
    name: "recovery-in-doubt",
    guard: "a recovery asks the database where nobody knows how the schema stands",
    file: "functions/prepare-deployment.ts",
    from: "checkDatabase: begunAt !== undefined || cannotServe(open) || (await isUnknown(open))",
    to: "checkDatabase: begunAt !== undefined",
    besides: [
      {
        file: "functions/prepare-deployment.ts",
        from: `deployment.intent === "rollback" && (await isUnknown(open))`,
        to: "false",
      },
    ],
    themes: ["a schema in trouble"],
  },
  {
    name: "migration-asked-each-minute",
    guard: "a migration is asked about each minute while no event comes",
    file: "core/wait.ts",
    from: `kind === "turn" || kind === "task" ? 0`,
    to: `kind === "turn" ? 0`,
    themes: ["a schema in trouble"],
  },
];
