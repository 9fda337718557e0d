import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "./plan.ts";

/** A world that found a bug. */
export interface KnownWorld {
  /** What was wrong, and what happened. */
  readonly was: string;
  /** The mutant that takes out what was mended; without it the world breaks a rule again. */
  readonly guard?: string;
  /** As small as it went; whatever seeds draw later, it stays as it is. */
  readonly plan: Plan;
}

const folder = join(import.meta.dirname, "worlds");

/** Every world that found a bug: each run of the tests lives through all of them. */
export const worlds: readonly KnownWorld[] = readdirSync(folder)
  .toSorted()
  .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")));
