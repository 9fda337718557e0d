import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../world.ts";

/**
 * Keeps a function's bundle by its content, in a world that keeps things: executions that are open use the version
 * with which they began, whatever is built later. @returns the path of the bundle to use.
 */
export function keepBundle(
  { store }: Pick<World, "store">,
  { name, bundle }: { readonly name: string; readonly bundle: string },
): string {
  if (store === undefined) return bundle;
  const digest = createHash("sha256").update(readFileSync(bundle)).digest("hex");
  const folder = join(store.folder, "functions", name);
  const path = join(folder, `${digest.slice(0, 16)}.mjs`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  copyFileSync(bundle, `${path}.new`);
  renameSync(`${path}.new`, path);
  return path;
}
