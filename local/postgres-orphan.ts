import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "./asl/clock.ts";
import { findProcess } from "./process-table.ts";

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
  const found = await findProcess(id);
  // Numbers of processes are used again: only one that was started on this folder is meant.
  if (found === undefined || !found.command.includes(`-D ${data} `)) return undefined;
  return {
    id,
    parentId: found.parentId,
    async end(clock) {
      // The fast shutdown: clients are cut off, and everything is written.
      process.kill(id, "SIGINT");
      const deadline = clock.now() + LONGEST_END_MILLISECONDS;
      while ((await findProcess(id)) !== undefined) {
        if (clock.now() > deadline) process.kill(id, "SIGKILL");
        await sleep(clock, 50);
      }
    },
  };
}
