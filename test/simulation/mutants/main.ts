// Takes out one guard at a time and lives through worlds until somebody misses it.
import { parseArgs } from "node:util";
import { liveThrough } from "../crew.ts";
import { createPlan, type Plan } from "../plan.ts";
import { mutants } from "./catalogue/all.ts";
import { keepWorld, knownWorldOf } from "./known.ts";
import type { Mutant } from "./mutant.ts";
import { ruleOf, search, without } from "./search.ts";
import { rowOf } from "./table.ts";

const usage = `npm run simulate:mutants [NAME…]               lives through seeds without a guard, until a rule is broken
npm run simulate:mutants -- --keep [NAME…]     keeps the world in which one was, too
npm run simulate:mutants -- --count [NAME…]    notes after how many it was, and keeps the world that is kept
npm run simulate:mutants -- --known [NAME…]    lives through the kept worlds alone, with and without the guard
npm run simulate:mutants -- --markdown         prints the table of docs/reliability.md from the kept worlds
--worlds 200                                   so many worlds for each at most, 200 unless said
--workers 2                                    so many processes, two unless said`;

const { values, positionals } = parseArgs({
  options: {
    worlds: { type: "string", default: "200" },
    workers: { type: "string", default: "2" },
    known: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    count: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const workers = Number(values.workers);
const unknown = positionals.filter((name) => mutants.every((mutant) => mutant.name !== name));
const chosen = mutants.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

if (values.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `There is no mutant ${unknown.join(", ")}.` : usage);
  process.exitCode = unknown.length > 0 ? 1 : 0;
} else if (values.markdown)
  for (const mutant of chosen) console.log(rowOf(mutant, knownWorldOf(mutant.name)));
else process.exitCode = (values.known ? await tryKnown() : await trySeeds()) ? 0 : 1;

/** @returns whether every guard was missed. */
async function trySeeds(): Promise<boolean> {
  const survivors: string[] = [];
  for (const mutant of chosen) {
    const { worlds, report } = await search(mutant, Number(values.worlds), workers);
    if (report === undefined) {
      survivors.push(mutant.name);
      console.log(`${mutant.name}: SURVIVED, after ${worlds} worlds`);
      continue;
    }
    const [rule, seed] = [ruleOf(report), report.seed];
    console.log(`${mutant.name}: ${rule}, after ${worlds} worlds (seed ${seed})`);
    const kept = values.count ? knownWorldOf(mutant.name) : undefined;
    if (kept !== undefined || values.keep)
      await keepWorld(mutant.name, { rule, plan: createPlan(seed), ...kept, worlds, seed });
  }
  if (survivors.length > 0) console.log(`\nmissed by nobody: ${survivors.join(", ")}`);
  return survivors.length === 0;
}

/** @returns whether every guard is missed in the world that is kept for it, and no rule is broken there with it. */
async function tryKnown(): Promise<boolean> {
  const wrong: string[] = [];
  const say = (what: string) => void wrong.push(what);
  const kept = chosen.flatMap((mutant) => {
    const world = knownWorldOf(mutant.name);
    return world === undefined ? [] : [{ mutant, plan: world.plan }];
  });
  const queue = kept.values();
  const work = async () => {
    for (const { mutant, plan } of queue) await tryOne(mutant, plan, say);
  };
  await Promise.all(Array.from({ length: workers }, work));
  await liveThrough(kept.map(({ plan }) => plan).values(), {
    workers,
    onReport({ seed, broken: [first] }) {
      if (first !== undefined)
        say(`the world of seed ${seed} breaks a rule with all guards in place: ${first}`);
      return true;
    },
  });
  for (const what of wrong) console.log(what);
  console.log(
    `${kept.length} of ${chosen.length} guards have a world in which they are missed; ${wrong.length} are wrong`,
  );
  return kept.length > 0 && wrong.length === 0;
}

async function tryOne(mutant: Mutant, plan: Plan, say: (what: string) => void): Promise<void> {
  await liveThrough([plan].values(), {
    workers: 1,
    ...without(mutant),
    onReport(report) {
      if (report.broken.length > 0) console.log(`${mutant.name}: ${ruleOf(report)}`);
      else
        say(
          `${mutant.name} is not missed in its world any more; npm run simulate:mutants -- --keep ${mutant.name}`,
        );
      return true;
    },
  });
}
