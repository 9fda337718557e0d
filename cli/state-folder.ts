import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../local/asl/clock.ts";
import { findServerOf } from "../local/postgres-orphan.ts";
import { lockFolder } from "./folder-lock.ts";

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
  const release = await lockFolder(folder, clock);
  const [run, state] = [join(folder, "run"), join(folder, "state")];
  // Its files must not be taken away beneath it: it would live on, and nobody would find it any more.
  await (await findServerOf(join(state, "postgres", "data")))?.end(clock);
  for (const stale of ["images", "builds", "functions"])
    await rm(join(run, stale), { recursive: true, force: true });
  if (options.fresh === true)
    for (const kept of [state, join(run, "logs")]) await rm(kept, { recursive: true, force: true });
  for (const needed of [run, state]) await mkdir(needed, { recursive: true });
  return { run, state, release };
}
