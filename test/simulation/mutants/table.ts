import type { KnownWorld } from "./known.ts";
import type { Mutant } from "./mutant.ts";

/** One line of the table in docs/reliability.md. */
export function rowOf({ name, guard }: Mutant, known: KnownWorld | undefined): string {
  if (known === undefined) return `| ${name} | ${guard} | not missed yet | | |`;
  const { rule, worlds, seed } = known;
  return `| ${name} | ${guard} | ${rule} | ${worlds} | ${seed} |`;
}
