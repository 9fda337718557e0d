import { join } from "node:path";
import { liveThrough } from "../crew.ts";
import { createPlan, type Plan } from "../plan.ts";
import type { Report } from "../worker.ts";
import type { Mutant, Worlds } from "./mutant.ts";

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

/** Among so many times as many seeds the worlds are looked for that come first. */
const breadth = 10;

/** The worlds to live through, by their seeds: those first of which the guard says that it has work to do there. */
export function seedsFor({ among }: Mutant, count: number): number[] {
  const seeds = Array.from({ length: count * breadth }, (_, index) => index + 1);
  const first = among === undefined ? [] : seeds.filter((seed) => isAmong(createPlan(seed), among));
  return [...new Set([...first, ...seeds])].slice(0, count);
}

function isAmong(
  { theme, faults, setting, deeds }: Plan,
  { themes = [], unlucky = [], rules = [], deeds: wanted = [] }: Worlds,
): boolean {
  const demanded = Object.values(setting.rules ?? {});
  return (
    (theme !== undefined && themes.includes(theme)) ||
    (faults.unlucky !== undefined && unlucky.includes(faults.unlucky.function)) ||
    rules.some((rule) => demanded.some((one) => one?.[rule] !== undefined)) ||
    deeds.some(({ does }) => wanted.includes(does))
  );
}

/** Lives through worlds with a guard taken out until somebody misses it. @param count how many worlds at most. */
export async function search(mutant: Mutant, count: number, workers: number): Promise<Missed> {
  let worlds = 0;
  let found: Report | undefined;
  await liveThrough(seedsFor(mutant, count).values(), {
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
