import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "pg";
import type { Revision } from "./revisions.ts";

/** What is asked for. A `to` of null means an empty schema (on the command line: `none`). */
export type MigrationCommand =
  | { readonly command: "status" }
  | { readonly command: "up"; readonly to?: string }
  | { readonly command: "down"; readonly to: string | null };

/** What the one JSON line says. `null` stands for an empty schema; `before` and `after` are absent if unknown. */
export interface MigrationReport {
  command: MigrationCommand["command"];
  before?: string | null;
  after?: string | null;
  applied: string[];
  reverted: string[];
  pending: string[];
}

/** The migration cannot be done as asked; nothing beyond what the report says was changed. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** SIGTERM came; whatever was under way has been rolled back. */
export class MigrationStoppedError extends Error {
  override readonly name = "MigrationStoppedError";
}

// Any constant will do, as long as every migrator of this database uses the same.
const ADVISORY_LOCK = 7_300_412_951;
const LOCK_RETRY_MILLISECONDS = 200;

/**
 * Carries out `command` on a connected client, each revision in a transaction of its own, under an advisory lock
 * that only one migrator holds. `report` is brought up to date after each revision, so that it is true also when
 * this throws. Throws MigrationError, MigrationStoppedError, or PostgreSQL's own error.
 */
export async function migrate(
  client: Client,
  revisions: readonly Revision[],
  command: MigrationCommand,
  report: MigrationReport,
  options: { stop: AbortSignal; lockWaitSeconds: number },
): Promise<void> {
  const record = async () => {
    report.after = await currentRevision(client);
    report.pending = revisions.map((revision) => revision.id).filter((id) => id > (report.after ?? ""));
  };
  if (command.command !== "status") await takeLock(client, options.stop, options.lockWaitSeconds);
  await record();
  report.before = report.after ?? null;
  if (command.command === "status") return;
  const steps = planSteps(revisions, report.before, command);
  await client.query(
    "CREATE TABLE IF NOT EXISTS schema_migrations (revision text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())",
  );
  for (const step of steps) {
    if (options.stop.aborted) throw new MigrationStoppedError(`Stopped before revision ${step.revision.id}.`);
    await runStep(client, step);
    (step.direction === "up" ? report.applied : report.reverted).push(step.revision.id);
    await record();
  }
}

/** The newest revision the database has; null if there is none. */
export async function currentRevision(client: Client): Promise<string | null> {
  const table = await client.query<{ found: boolean }>(
    "SELECT to_regclass('schema_migrations') IS NOT NULL AS found",
  );
  if (!table.rows[0]?.found) return null;
  const newest = await client.query<{ revision: string | null }>(
    "SELECT max(revision) AS revision FROM schema_migrations",
  );
  return newest.rows[0]?.revision ?? null;
}

interface Step {
  readonly direction: "up" | "down";
  readonly revision: Revision;
}

/** Which revisions to apply or revert, in order. Empty when the database is already there, or ahead of `up`. */
export function planSteps(
  revisions: readonly Revision[],
  current: string | null,
  command: Exclude<MigrationCommand, { command: "status" }>,
): Step[] {
  const ids = revisions.map((revision) => revision.id);
  const to = command.to === undefined ? ids.at(-1) : command.to;
  if (to === undefined) return [];
  if (to !== null && !ids.includes(to)) {
    throw new MigrationError(`There is no revision ${to} in this image; it has ${ids.join(", ")}.`);
  }
  if (command.command === "up") {
    return revisions
      .filter((revision) => revision.id > (current ?? "") && revision.id <= (to ?? ""))
      .map((revision) => ({ direction: "up", revision }));
  }
  if (current !== null && !ids.includes(current)) {
    throw new MigrationError(
      `The database is at revision ${current}, which this image does not know; revert with the image that brought it there.`,
    );
  }
  if ((to ?? "") > (current ?? "")) {
    throw new MigrationError(`The database is at ${current ?? "none"}, below ${to}; use up to go there.`);
  }
  return revisions
    .filter((revision) => revision.id > (to ?? "") && revision.id <= (current ?? ""))
    .reverse()
    .map((revision) => ({ direction: "down", revision }));
}

async function runStep(client: Client, { direction, revision }: Step): Promise<void> {
  const bookkeeping =
    direction === "up"
      ? "INSERT INTO schema_migrations (revision) VALUES ($1)"
      : "DELETE FROM schema_migrations WHERE revision = $1";
  await client.query("BEGIN");
  try {
    // Waiting for a lock makes every later query of the service wait behind us: better to fail soon.
    await client.query("SET LOCAL lock_timeout = '10s'");
    await client.query(direction === "up" ? revision.up : revision.down);
    await client.query(bookkeeping, [revision.id]);
    await client.query("COMMIT");
  } catch (error) {
    // The first error is the one worth telling, also when the connection is gone and this fails too.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

async function takeLock(client: Client, stop: AbortSignal, lockWaitSeconds: number): Promise<void> {
  const deadline = performance.now() + lockWaitSeconds * 1_000;
  for (;;) {
    if (stop.aborted) throw new MigrationStoppedError("Stopped while waiting for another migration to end.");
    const answer = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1) AS taken", [
      ADVISORY_LOCK,
    ]);
    if (answer.rows[0]?.taken) return;
    if (performance.now() >= deadline) {
      throw new MigrationError(
        `Another migration has held the lock for ${lockWaitSeconds} s; wait for it to end and start again.`,
      );
    }
    await wait(LOCK_RETRY_MILLISECONDS, undefined, { signal: stop }).catch(() => undefined);
  }
}
