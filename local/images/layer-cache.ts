import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "../asl/clock.ts";
import type { ImageLayer } from "./layer.ts";

/** What an instruction made of its input: a layer, or none if it changed nothing. */
export interface CachedStep {
  readonly layer: ImageLayer | undefined;
}

/** The layers of earlier builds, by what they were made of. Builds may share it, also of several processes. */
export interface LayerCache {
  find(key: string): Promise<CachedStep | undefined>;
  keep(key: string, step: CachedStep): Promise<void>;
  /** Makes room: layers beyond the limit go, those used longest ago first, but none of the last hour. */
  prune(): Promise<void>;
}

const LARGEST_BYTES = 2 * 1024 ** 3;
/** A build that goes on now may still push what it found here. */
const SAFE_MILLISECONDS = 3_600_000;

/** Keeps layers in `folder/layers`, where builds write them, and beside them which step made each. */
export function createLayerCache(clock: Clock, folder: string, largestBytes = LARGEST_BYTES): LayerCache {
  const steps = join(folder, "steps");
  const layers = join(folder, "layers");
  const recordOf = (key: string) => join(steps, `${key}.json`);
  const touch = (path: string) => utimes(path, clock.now() / 1000, clock.now() / 1000);

  return {
    async find(key) {
      try {
        const step: { layer?: ImageLayer } = JSON.parse(await readFile(recordOf(key), "utf8"));
        await touch(recordOf(key));
        if (step.layer === undefined) return { layer: undefined };
        const path = join(layers, basename(step.layer.path));
        await touch(path);
        return { layer: { ...step.layer, path } };
      } catch {
        // No record, a half-written one, or one whose layer is gone: the step is carried out.
        return undefined;
      }
    },
    async keep(key, step) {
      await mkdir(steps, { recursive: true });
      // Of the process's own, so that two that keep the same step do not write the same file.
      const fresh = `${recordOf(key)}.${process.pid}`;
      await writeFile(fresh, JSON.stringify(step));
      await rename(fresh, recordOf(key));
    },
    async prune() {
      const kept = await Promise.all(
        (await readdir(layers).catch(() => [])).map(async (name) => {
          const path = join(layers, name);
          const found = await stat(path).catch(() => undefined);
          return { path, bytes: found?.size ?? 0, usedAt: found?.mtimeMs ?? 0 };
        }),
      );
      let bytes = kept.reduce((sum, layer) => sum + layer.bytes, 0);
      for (const layer of kept.toSorted((one, other) => one.usedAt - other.usedAt)) {
        if (bytes <= largestBytes || layer.usedAt > clock.now() - SAFE_MILLISECONDS) return;
        await rm(layer.path, { force: true });
        bytes -= layer.bytes;
      }
    },
  };
}

/** A cache without memory. */
export const noLayerCache: LayerCache = {
  find: async () => undefined,
  keep: async () => {},
  prune: async () => {},
};

/** One key of everything that decides what a step makes. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
