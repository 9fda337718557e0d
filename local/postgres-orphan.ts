import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Clock, sleep } from "./asl/clock.ts";

/** A PostgreSQL server that runs on a data folder. */
export interface RunningServer {
  readonly id: number;
  /** What started it; when that has ended, process 1 or another that takes over orphans. */
  readonly parentId: number;
  /** Ends it and waits until it is gone. */
  end(clock: Clock): Promise<void>;
}

const LONGEST_END_MILLISECONDS = 10_000;

/** The server that runs on `data`, by the file it keeps there; undefined if none does, whatever the file says. */
export async function findServerOf(data: string): Promise<RunningServer | undefined> {
  const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  const id = Number(text.split("\n")[0]);
  if (!Number.isInteger(id) || id <= 1) return undefined;
  const found = await describeProcess(id);
  // Numbers of processes are used again: only one that was started on this folder is meant.
  if (found === undefined || !found.command.includes(`-D ${data} `)) return undefined;
  return {
    id,
    parentId: found.parentId,
    async end(clock) {
      // The fast shutdown: clients are cut off, and everything is written.
      process.kill(id, "SIGINT");
      const deadline = clock.now() + LONGEST_END_MILLISECONDS;
      while ((await describeProcess(id)) !== undefined) {
        if (clock.now() > deadline) process.kill(id, "SIGKILL");
        await sleep(clock, 50);
      }
    },
  };
}

/** Its command line and parent; undefined if there is no such process, or only what is left of one that ended. */
async function describeProcess(id: number): Promise<{ command: string; parentId: number } | undefined> {
  if (process.platform === "linux") {
    const [command, status] = await Promise.all(
      ["cmdline", "status"].map((name) => readFile(`/proc/${id}/${name}`, "utf8").catch(() => undefined)),
    );
    const parentId = Number(/^PPid:\s+(\d+)/m.exec(status ?? "")?.[1]);
    if (!command || Number.isNaN(parentId)) return undefined;
    return { command: command.replaceAll("\0", " "), parentId };
  }
  const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "ppid=,command=", "-p", String(id)]).catch(
    () => ({
      stdout: "",
    }),
  );
  const [, parentId, command] = /^\s*(\d+)\s+(.*)$/.exec(stdout.trim()) ?? [];
  return parentId === undefined || command === undefined
    ? undefined
    : { command, parentId: Number(parentId) };
}
