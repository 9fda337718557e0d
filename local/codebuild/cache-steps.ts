import { type BuildCache, type CacheTransfer, readCachePaths } from "./cache.ts";
import type { BuildJob } from "./runner.ts";

/** What a build does with the cache of its project, and says about it in its log. */
export interface CacheSteps {
  /** In DOWNLOAD_SOURCE; what is returned saves, in UPLOAD_ARTIFACTS. Neither fails a build. */
  restore(
    job: Pick<BuildJob, "project" | "cache">,
    paths: readonly string[],
    folders: { readonly source: string; readonly home: string },
    note: (text: string) => void,
  ): Promise<{ save(): Promise<void> }>;
}

const NOTHING_TO_SAVE = { save: async () => {} };

export function createCacheSteps(cache: BuildCache): CacheSteps {
  return {
    async restore({ project, cache: asked }, paths, folders, note) {
      if (paths.length === 0) return NOTHING_TO_SAVE;
      if (!asked.paths) {
        note("Cache: cache.paths are passed over, because this project keeps no cache of them");
        return NOTHING_TO_SAVE;
      }
      const { kept, refused } = readCachePaths(paths, folders);
      for (const path of refused) note(`Not cached, because it is outside of the build: ${path}`);
      try {
        const restored = await cache.restore(project, kept);
        if (restored === undefined) note("Cache miss: no earlier build of this project has kept anything");
        else if (restored.files === 0) note("Cache miss: no earlier build has kept anything of these paths");
        else note(`Cache hit: restored ${describe(restored)}`);
      } catch (error) {
        note(`Cache miss: it could not be restored: ${messageOf(error)}`);
      }
      return {
        async save() {
          try {
            const saved = await cache.save(project, kept);
            if (saved.files === 0) note("Cache saved: nothing, because no file is in these paths");
            else if (saved.kept) note(`Cache saved: ${describe(saved)}`);
            else note(`Cache not saved, because it is too large: ${describe(saved)}; the earlier one stays`);
          } catch (error) {
            note(`Cache not saved; the earlier one stays: ${messageOf(error)}`);
          }
        },
      };
    },
  };
}

function describe({ files, bytes, milliseconds }: CacheTransfer): string {
  return `${files} files (${(bytes / 1e6).toFixed(1)} MB) in ${(milliseconds / 1000).toFixed(2)} s`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
