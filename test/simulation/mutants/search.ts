import { join } from "node:path";
import { liveThrough } from "../crew.ts";
import { createPlan } from "../plan.ts";
import type { Report } from "../worker.ts";
import type { Mutant } from "./mutant.ts";

/** What came of taking out a guard. */
export interface Missed {
  /** How many worlds were lived through. */
  readonly worlds: number;
  /** That of the first in which a rule was broken, with the rule; undefined: nobody missed it. */
  readonly report: Report | undefined;
}

/** How a crew lives with a guard taken out. */
export function without(mutant: Mutant) {
  return {
    execArgv: ["--import", join(import.meta.dirname, "hook.ts")],
    environment: { SIMULATED_MUTANT: mutant.name },
  };
}

/** The seeds from 1 on, those first whose worlds have a theme of which the guard is one. */
function* seedsFor({ themes = [] }: Mutant, count: number): Generator<number> {
  const isAbout = (seed: number) => {
    const { theme } = createPlan(seed);
    return theme !== undefined && themes.includes(theme);
  };
  const seeds = Array.from({ length: count }, (_, index) => index + 1);
  const first = themes.length === 0 ? [] : seeds.filter(isAbout);
  yield* first;
  yield* seeds.filter((seed) => !first.includes(seed));
}

/** Lives through seeds with a guard taken out until somebody misses it. @param count how many seeds at most. */
export async function search(mutant: Mutant, count: number, workers: number): Promise<Missed> {
  let worlds = 0;
  let found: Report | undefined;
  await liveThrough(seedsFor(mutant, count), {
    workers,
    ...without(mutant),
    onReport(report) {
      worlds++;
      if (report.broken.length > 0) found = report;
      return found === undefined;
    },
  });
  return { worlds, report: found };
}

/** The rule that a report says first was broken. */
export function ruleOf({ broken: [first = ""] }: Report): string {
  return first.split(": ")[0] ?? first;
}
