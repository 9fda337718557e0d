import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Clock, sleep } from "../local/asl/clock.ts";
import { guardianName } from "../local/guardian.ts";
import { findServerOf } from "../local/postgres-orphan.ts";
import { guardianId } from "../local/process.ts";
import { findProcess } from "../local/process-table.ts";

/** Another `npm start` uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
  constructor(folder: string, pid: number) {
    super(
      `Another npm start (process ${pid}) uses ${folder}. End it with Ctrl-C, or give this one a folder of its own: --folder DIR.`,
    );
  }
}

/** Who holds the folder. */
const Lock = z.object({
  process: z.number(),
  /** Numbers of processes are used again; no other has the same of both. */
  startedAt: z.string(),
  /** What ends the holder's children if it is killed. */
  guardian: z.number().optional(),
});

const LONGEST_GUARDIAN_MILLISECONDS = 10_000;

/** The parts of a state folder that this process holds. */
export interface TakenFolder {
  /** For what is worth nothing to another start, or only saves it time. */
  readonly run: string;
  /** What the next start goes on with. */
  readonly state: string;
  release(): Promise<void>;
}

/**
 * Takes the state folder for this process. After a run that was killed it waits until nothing of that run is left,
 * and removes what was under way in it. What is kept stays, unless it is to be `fresh`.
 * @throws FolderInUseError
 */
export async function takeFolder(
  folder: string,
  clock: Clock,
  options: { readonly fresh?: boolean } = {},
): Promise<TakenFolder> {
  await mkdir(folder, { recursive: true });
  const lock = join(folder, "lock");
  const own = await findProcess(process.pid);
  const content = { process: process.pid, startedAt: own?.startedAt ?? "", guardian: guardianId() };
  while (!(await writeNew(lock, JSON.stringify(content)))) await clearLock(folder, lock, clock);
  const [run, state] = [join(folder, "run"), join(folder, "state")];
  // Its files must not be taken away beneath it: it would live on, and nobody would find it any more.
  await (await findServerOf(join(state, "postgres", "data")))?.end(clock);
  for (const stale of ["images", "builds", "functions"])
    await rm(join(run, stale), { recursive: true, force: true });
  if (options.fresh === true)
    for (const kept of [state, join(run, "logs")]) await rm(kept, { recursive: true, force: true });
  for (const needed of [run, state]) await mkdir(needed, { recursive: true });
  return { run, state, release: () => rm(lock, { force: true }) };
}

/** @returns false if there is such a file. */
async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes a lock that nobody holds any more.
 * @throws FolderInUseError
 */
async function clearLock(folder: string, lock: string, clock: Clock): Promise<void> {
  const text = await readLock(lock, clock);
  const holder = parseLock(text);
  if (holder !== undefined && (await isHeld(holder))) throw new FolderInUseError(folder, holder.process);
  if (holder?.guardian !== undefined) await endOf(holder.guardian, clock);
  // Moved first: of several that clear it at one time, one succeeds, and it sees whether it took the right one.
  const moved = `${lock}.${process.pid}`;
  const isMoved = await rename(lock, moved).then(
    () => true,
    () => false,
  );
  if (!isMoved) return;
  if ((await readFile(moved, "utf8")) === text) await rm(moved);
  else await rename(moved, lock);
}

/** Its text, for which whoever is just writing it is given a second. */
async function readLock(lock: string, clock: Clock): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const text = await readFile(lock, "utf8").catch(() => "");
    if (text !== "" || attempt === 20) return text;
    await sleep(clock, 50);
  }
}

/** Undefined if it is in words that we do not know: it was cut short, or written by another version. */
function parseLock(text: string): z.infer<typeof Lock> | undefined {
  try {
    return Lock.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function isHeld(holder: z.infer<typeof Lock>): Promise<boolean> {
  return (await findProcess(holder.process))?.startedAt === holder.startedAt;
}

async function endOf(guardian: number, clock: Clock): Promise<void> {
  const deadline = clock.now() + LONGEST_GUARDIAN_MILLISECONDS;
  while (clock.now() < deadline && (await findProcess(guardian))?.command.includes(guardianName))
    await sleep(clock, 50);
}
