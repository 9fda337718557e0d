import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { copyMatching, isInside, matchingFiles } from "./file-patterns.ts";

/** What builds of a project keep for the next one. */
export interface BuildCache {
  /** Copies what was kept into the build's folders. @returns how many files. */
  restore(project: string, paths: readonly CachePath[]): Promise<number>;
  /** Keeps what the paths name in place of what was kept before; it is moved out of the build's folders. */
  save(project: string, paths: readonly CachePath[]): Promise<void>;
}

/** A path of `cache.paths`, in one of the two folders that a build has. */
export interface CachePath {
  readonly root: "source" | "home";
  readonly folder: string;
  readonly pattern: string;
}

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
    if (inHome !== undefined) kept.push({ root: "home", folder: folders.home, pattern: inHome });
    else if (path.startsWith("/") || path.split("/").includes("..")) refused.push(path);
    else kept.push({ root: "source", folder: folders.source, pattern: path });
  }
  return { kept, refused };
}

/** Keeps caches beneath `folder`, which must be on the same file system as the builds. */
export function createBuildCache(folder: string): BuildCache {
  /** Builds of one project take turns, so that none reads what another replaces. */
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(project: string, work: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(project) ?? Promise.resolve()).then(work);
    turns.set(
      project,
      turn.catch(() => undefined),
    );
    return turn;
  };

  return {
    restore: (project, paths) =>
      inTurn(project, async () => {
        let files = 0;
        for (const { root, folder: to, pattern } of paths) {
          const from = join(folder, project, root);
          files += await copyMatching([pattern], from, to);
        }
        return files;
      }),
    save: (project, paths) =>
      inTurn(project, async () => {
        const kept = join(folder, project);
        const fresh = `${kept}.new`;
        await rm(fresh, { recursive: true, force: true });
        for (const { root, folder: from, pattern } of paths) {
          await moveMatching(pattern, from, join(fresh, root));
        }
        await mkdir(fresh, { recursive: true });
        await rm(kept, { recursive: true, force: true });
        await rename(fresh, kept);
      }),
  };
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
