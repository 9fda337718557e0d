import type { Mutant } from "../mutant.ts";
import { health } from "./health.ts";
import { lease } from "./lease.ts";
import { migrations } from "./migrations.ts";
import { people } from "./people.ts";
import { recovery } from "./recovery.ts";
import { releases } from "./releases.ts";
import { waits } from "./waits.ts";

/** Every guard that is taken out, one at a time. */
export const mutants: readonly Mutant[] = [
  ...lease,
  ...releases,
  ...waits,
  ...recovery,
  ...migrations,
  ...health,
  ...people,
];
