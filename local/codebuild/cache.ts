import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../asl/clock.ts";
import { copyMatching, isInside, matchingFiles, sizeOf } from "./file-patterns.ts";

/** What builds of a project keep for the next one. */
export interface BuildCache {
  /** Copies what was kept into the build's folders. @returns undefined if nothing was kept. */
  restore(project: string, paths: readonly CachePath[]): Promise<CacheTransfer | undefined>;
  /**
   * Keeps what the paths name in place of what was kept before; it is moved out of the build's folders. Whoever
   * restores meanwhile gets all of the old or all of the new. What is over the limit is not kept.
   */
  save(project: string, paths: readonly CachePath[]): Promise<CacheTransfer & { readonly kept: boolean }>;
}

/** What was copied or moved. */
export interface CacheTransfer {
  readonly files: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** A path of `cache.paths`, in one of the two folders that a build has. */
export interface CachePath {
  readonly root: "source" | "home";
  readonly folder: string;
  readonly pattern: string;
}

/** How much is kept, in bytes. Beyond all, what was used longest ago goes. */
export interface CacheLimits {
  readonly ofOneProject: number;
  readonly ofAll: number;
}

const GIBIBYTE = 1024 ** 3;
const LIMITS: CacheLimits = { ofOneProject: 2 * GIBIBYTE, ofAll: 8 * GIBIBYTE };

/**
 * Reads `cache.paths`: relative to the source, or in the home folder, which is `/root` in CodeBuild.
 * @returns the paths, and those that are neither and therefore not kept.
 */
export function readCachePaths(
  paths: readonly string[],
  folders: { readonly source: string; readonly home: string },
): { kept: CachePath[]; refused: string[] } {
  const kept: CachePath[] = [];
  const refused: string[] = [];
  for (const path of paths) {
    const inHome = /^(?:~|\/root|\$HOME|\$\{HOME\})\/(.+)$/.exec(path)?.[1];
    if (path.split("/").includes("..")) refused.push(path);
    else if (inHome !== undefined) kept.push({ root: "home", folder: folders.home, pattern: inHome });
    else if (path.startsWith("/")) refused.push(path);
    else kept.push({ root: "source", folder: folders.source, pattern: path });
  }
  return { kept, refused };
}

/** One saving of a project: the name of its folder, and how large it is. */
interface Generation {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Keeps caches beneath `folder`, which must be on the same file system as the builds. Each saving makes a new
 * folder, and one small file, replaced at once, says which of them counts; so a build that is killed, or one of
 * the same project beside it, never leaves half a cache.
 */
export function createBuildCache(clock: Clock, folder: string, limits = LIMITS): BuildCache {
  /** How many builds copy out of a generation now; it is deleted after the last one. */
  const readers = new Map<string, number>();
  const swept = new Set<string>();
  const home = (project: string) => join(folder, project);
  const pointer = (project: string) => join(folder, project, "current.json");

  async function current(project: string): Promise<Generation | undefined> {
    return readFile(pointer(project), "utf8").then(
      (text): Generation => JSON.parse(text),
      () => undefined,
    );
  }

  /** Whoever reads or replaces the pointers takes turns; nobody copies meanwhile. */
  let turn: Promise<unknown> = Promise.resolve();
  function inTurn<T>(project: string, work: () => Promise<T>): Promise<T> {
    const mine = turn.then(async () => {
      if (!swept.has(project)) await sweep(project);
      swept.add(project);
      return work();
    });
    turn = mine.catch(() => undefined);
    return mine;
  }

  /** What a killed process left goes, once, before the project is used. */
  async function sweep(project: string): Promise<void> {
    const counts = await current(project);
    for (const name of await readdir(home(project)).catch(() => []))
      if (name.startsWith(GENERATION) && name !== counts?.name) await remove(join(home(project), name));
  }

  async function forget(path: string): Promise<void> {
    if (!readers.has(path)) await remove(path);
  }

  async function point(project: string, generation: Generation): Promise<void> {
    const before = await current(project);
    const fresh = join(home(project), `${generation.name}.json`);
    await writeFile(fresh, JSON.stringify(generation));
    await rename(fresh, pointer(project));
    if (before !== undefined) await forget(join(home(project), before.name));
  }

  async function take(project: string): Promise<string | undefined> {
    const generation = await current(project);
    if (generation === undefined) return undefined;
    const from = join(home(project), generation.name);
    readers.set(from, (readers.get(from) ?? 0) + 1);
    // A file's time is finer than the clock's: what is used now is later than what was kept in this millisecond.
    const now = (clock.now() + 1) / 1000;
    await utimes(pointer(project), now, now);
    return from;
  }

  /** Another build may have saved meanwhile and left the deleting to the last reader. */
  async function giveBack(project: string, from: string): Promise<void> {
    const left = (readers.get(from) ?? 1) - 1;
    if (left > 0) readers.set(from, left);
    else readers.delete(from);
    if ((await current(project))?.name !== basename(from)) await forget(from);
  }

  async function keepWithinAll(): Promise<void> {
    const kept = await Promise.all(
      (await readdir(folder)).map(async (project) => ({
        project,
        generation: await current(project),
        usedAt: await stat(pointer(project)).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        ),
      })),
    );
    let bytes = kept.reduce((sum, { generation }) => sum + (generation?.bytes ?? 0), 0);
    for (const { project, generation } of kept.toSorted((one, other) => one.usedAt - other.usedAt)) {
      if (bytes <= limits.ofAll) return;
      if (generation === undefined) continue;
      await rm(pointer(project), { force: true });
      await forget(join(home(project), generation.name));
      bytes -= generation.bytes;
    }
  }

  return {
    async restore(project, paths) {
      const startedAt = clock.now();
      const from = await inTurn(project, () => take(project));
      if (from === undefined) return undefined;
      try {
        let [files, bytes] = [0, 0];
        for (const { root, folder: to, pattern } of paths) {
          const copied = await copyMatching([pattern], join(from, root), to);
          files += copied.files;
          bytes += copied.bytes;
        }
        return { files, bytes, milliseconds: clock.now() - startedAt };
      } finally {
        await inTurn(project, () => giveBack(project, from));
      }
    },
    async save(project, paths) {
      const startedAt = clock.now();
      const fresh = await inTurn(project, async () => {
        await mkdir(home(project), { recursive: true });
        return mkdtemp(join(home(project), GENERATION));
      });
      for (const { root, folder: from, pattern } of paths) {
        await moveMatching(pattern, from, join(fresh, root));
      }
      const size = await sizeOf(fresh);
      const kept = size.bytes <= limits.ofOneProject;
      if (kept) {
        await inTurn(project, async () => {
          await point(project, { name: basename(fresh), ...size });
          await keepWithinAll();
        });
      } else await remove(fresh);
      return { ...size, kept, milliseconds: clock.now() - startedAt };
    },
  };
}

const GENERATION = "kept-";

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 3 });
}

/** Moves what a pattern names; a whole folder at once where it names one. */
async function moveMatching(pattern: string, from: string, to: string): Promise<void> {
  const whole = pattern.replace(/(?:\/\*\*)?\/\*$|\/\*\*$|\/$/, "");
  if (/\/\*\*(?:\/\*)?$/.test(pattern) && !/[*?]/.test(whole)) {
    if (!(await isInside(from, dirname(join(from, whole))))) return;
    await mkdir(dirname(join(to, whole)), { recursive: true });
    await rename(join(from, whole), join(to, whole)).catch(ignoreMissing);
    return;
  }
  for await (const path of matchingFiles(from, pattern)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await rename(join(from, path), join(to, path));
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
