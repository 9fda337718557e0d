import { parseArgs } from "node:util";
import pg from "pg";
import { type PostgresConnection, readConnection, untrusted } from "../src/database.ts";
import {
  currentRevision,
  type MigrationCommand,
  MigrationError,
  type MigrationReport,
  MigrationStoppedError,
  migrate,
} from "./migrator.ts";
import { readRevisions } from "./revisions.ts";

const USAGE = "Usage: migrate status | migrate up [--to REVISION] | migrate down --to REVISION|none";
const LOCK_WAIT_SECONDS = 60;

class UsageError extends Error {
  override readonly name = "UsageError";
}

function parseCommand(words: string[]): MigrationCommand {
  let parsed: { values: { to?: string | undefined }; positionals: string[] };
  try {
    parsed = parseArgs({ args: words, options: { to: { type: "string" } }, allowPositionals: true });
  } catch {
    throw new UsageError(USAGE);
  }
  const [command, ...rest] = parsed.positionals;
  const { to } = parsed.values;
  if (rest.length > 0) throw new UsageError(USAGE);
  if (command === "status" && to === undefined) return { command };
  if (command === "up") return to === undefined ? { command } : { command, to };
  if (command === "down" && to !== undefined) return { command, to: to === "none" ? null : to };
  throw new UsageError(USAGE);
}

function openClient(connection: PostgresConnection): pg.Client {
  const client = new pg.Client({
    ...connection,
    application_name: "web-migrate",
    connectionTimeoutMillis: 10_000,
  });
  // A lost connection also fails the query under way; without a listener it would end the process unreported.
  client.on("error", () => undefined);
  return client;
}

/** Breaks off the statement under way; the transaction around it is then rolled back. */
async function cancelStatement(connection: PostgresConnection, processId: number): Promise<void> {
  const client = openClient(connection);
  try {
    await client.connect();
    await client.query("SELECT pg_cancel_backend($1)", [processId]);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** After a failure the connection may be gone with the answer to COMMIT: only the database knows where it stands. */
async function askAgain(connection: PostgresConnection, report: MigrationReport): Promise<void> {
  delete report.after;
  const client = openClient(connection);
  try {
    await client.connect();
    report.after = await currentRevision(client);
    if (report.before === undefined) report.before = report.after;
  } catch {
    // Without `after` the report says that this is unknown.
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function run(
  connection: PostgresConnection,
  command: MigrationCommand,
  report: MigrationReport,
): Promise<void> {
  const revisions = await readRevisions();
  const client = openClient(connection);
  const stop = new AbortController();
  const processId = Promise.withResolvers<number>();
  const onSignal = () => {
    stop.abort();
    void processId.promise.then((id) => cancelStatement(connection, id)).catch(() => undefined);
  };
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);
  try {
    await client.connect();
    const { rows } = await client.query<{ id: number }>("SELECT pg_backend_pid() AS id");
    processId.resolve(rows[0]?.id ?? 0);
    await migrate(client, revisions, command, report, {
      stop: stop.signal,
      lockWaitSeconds: LOCK_WAIT_SECONDS,
    });
  } catch (error) {
    if (stop.signal.aborted && !(error instanceof MigrationStoppedError)) {
      throw new MigrationStoppedError("Stopped by a signal; the revision under way was rolled back.", {
        cause: error,
      });
    }
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function main(): Promise<number> {
  let report: MigrationReport | undefined;
  try {
    const command = parseCommand(process.argv.slice(2));
    report = { command: command.command, applied: [], reverted: [], pending: [] };
    const { DATABASE_URL, DATABASE_CA } = process.env;
    if (!DATABASE_URL) throw new MigrationError("DATABASE_URL is not set; it must be a postgres:// URL.");
    const connection = readConnection(DATABASE_URL, DATABASE_CA);
    try {
      await run(connection, command, report);
    } catch (error) {
      const refused = untrusted(error);
      if (refused !== undefined) throw refused;
      await askAgain(connection, report);
      throw error;
    }
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? `${error.name}: ${error.message}` : "unknown error");
    if (error instanceof UsageError) return 2;
    return error instanceof MigrationStoppedError ? 143 : 1;
  } finally {
    if (report !== undefined) console.log(JSON.stringify({ migration: report }));
  }
}

process.exitCode = await main();
