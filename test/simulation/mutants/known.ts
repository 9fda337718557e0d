import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plan } from "../plan.ts";

/** A world in which a guard was missed when it was taken out. */
export interface KnownWorld {
  /** The rule that missed it. */
  readonly rule: string;
  /** How many worlds of seeds had been lived through when a rule did, and the seed of that one. */
  readonly worlds: number;
  readonly seed: number;
  /** That world, or a smaller one made by hand: whatever seeds draw later, it stays as it is. */
  readonly plan: Plan;
}

const folder = join(import.meta.dirname, "worlds");
const fileOf = (mutant: string) => join(folder, `${mutant}.json`);

/** The world in which a mutant was missed; undefined if none is known. */
export function knownWorldOf(mutant: string): KnownWorld | undefined {
  const file = fileOf(mutant);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

export async function keepWorld(mutant: string, world: KnownWorld): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(fileOf(mutant), `${JSON.stringify(world)}\n`);
}
