import type { KnownWorld } from "./known.ts";
import type { Mutant } from "./mutant.ts";

/** One line of the table in docs/reliability.md. */
export function rowOf({ name, guard }: Mutant, known: KnownWorld | undefined): string {
  const { rule = "not missed", worlds = "", seed = "" } = known ?? {};
  return `| ${name} | ${guard} | ${rule} | ${worlds} | ${seed} |`;
}
