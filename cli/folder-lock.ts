import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Clock, sleep } from "../local/asl/clock.ts";
import { guardianName } from "../local/guardian.ts";
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
const Holder = z.object({
  process: z.number(),
  /** Numbers of processes are used again; no other has the same of both. */
  startedAt: z.string(),
  /** What ends the holder's children if it is killed. */
  guardian: z.number().optional(),
});
type Holder = z.infer<typeof Holder>;

const LONGEST_GUARDIAN_MILLISECONDS = 10_000;

/**
 * Locks a folder for this process, until it ends or unlocks it. After a holder that was killed it waits until nothing
 * is left of what that had started.
 *
 * A lock is a file `lock.N`. It is taken over by making the file of the next number, which only one can, and only then
 * is the old one removed: so there is no moment without a lock, and nobody ever removes one that is held.
 * @returns what unlocks it.
 * @throws FolderInUseError
 */
export async function lockFolder(folder: string, clock: Clock): Promise<() => Promise<void>> {
  const own = await findProcess(process.pid);
  const holder: Holder = { process: process.pid, startedAt: own?.startedAt ?? "", guardian: guardianId() };
  for (;;) {
    const before = await listLocks(folder);
    for (const number of before) await waitUntilLeft(folder, number, clock);
    const number = Math.max(0, ...before) + 1;
    const file = fileOf(folder, number);
    if (!(await writeNew(file, JSON.stringify(holder)))) continue;
    for (const old of before) await rm(fileOf(folder, old), { force: true });
    try {
      // Whoever looked while the files changed may have begun to count anew.
      for (const other of await listLocks(folder))
        if (other !== number) await waitUntilLeft(folder, other, clock);
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    return () => rm(file, { force: true });
  }
}

const fileOf = (folder: string, number: number) => join(folder, `lock.${number}`);

async function listLocks(folder: string): Promise<number[]> {
  return (await readdir(folder)).flatMap((name) => {
    const number = /^lock\.(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** @throws FolderInUseError if the holder lives. */
async function waitUntilLeft(folder: string, number: number, clock: Clock): Promise<void> {
  const holder = await readHolder(fileOf(folder, number), clock);
  if (holder === undefined) return;
  const found = await findProcess(holder.process);
  if (found?.startedAt === holder.startedAt) throw new FolderInUseError(folder, holder.process);
  const deadline = clock.now() + LONGEST_GUARDIAN_MILLISECONDS;
  while (clock.now() < deadline && (await isGuardian(holder.guardian))) await sleep(clock, 50);
}

async function isGuardian(id: number | undefined): Promise<boolean> {
  return id !== undefined && (await findProcess(id))?.command.includes(guardianName) === true;
}

/**
 * Undefined if nobody holds it in words that we know: it is gone, was cut short, or is of another version. Whoever is
 * just writing it is given a second.
 */
async function readHolder(file: string, clock: Clock): Promise<Holder | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    if (text !== "") return parseHolder(text);
    await sleep(clock, 50);
  }
  return undefined;
}

function parseHolder(text: string): Holder | undefined {
  try {
    return Holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
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
