import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** What the system tells of a process. */
export interface KnownProcess {
  readonly command: string;
  readonly parentId: number;
  /** Unlike its number, no other process has the same; only good to be compared. */
  readonly startedAt: string;
}

/** A process by its number; undefined if there is none, or only what is left of one that ended. */
export async function findProcess(id: number): Promise<KnownProcess | undefined> {
  return process.platform === "linux" ? readProc(id) : askPs(id);
}

async function readProc(id: number): Promise<KnownProcess | undefined> {
  const [command, stat] = await Promise.all(
    ["cmdline", "stat"].map((name) => readFile(`/proc/${id}/${name}`, "utf8").catch(() => undefined)),
  );
  // After the program's name, which may contain anything: state, parent, and, 20 fields on, the time of its start.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  const [parentId, startedAt] = [Number(fields[1]), fields[19]];
  if (!command || startedAt === undefined || Number.isNaN(parentId)) return undefined;
  return { command: command.replaceAll("\0", " "), parentId, startedAt };
}

async function askPs(id: number): Promise<KnownProcess | undefined> {
  const words = ["-ww", "-o", "stat=,ppid=,lstart=,command=", "-p", String(id)];
  const { stdout } = await promisify(execFile)("ps", words, { env: { ...process.env, LC_ALL: "C" } }).catch(
    () => ({ stdout: "" }),
  );
  // The time is five words: Tue Nov 24 13:42:00 2026.
  const [, state, parentId, startedAt, command] =
    /^\s*(\S+)\s+(\d+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/s.exec(stdout.trimEnd()) ?? [];
  if (command === undefined || startedAt === undefined || state?.startsWith("Z")) return undefined;
  return { command, parentId: Number(parentId), startedAt };
}
