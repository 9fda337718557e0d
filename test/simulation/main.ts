import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { liveThrough } from "./crew.ts";
import type { Plan } from "./plan.ts";
import type { Report } from "./worker.ts";

const usage = `npm run simulate -- --seeds 200 [--from 1]   lives through so many seeds
npm run simulate -- --minutes 4              lives through fresh seeds for so long
npm run simulate -- --seed 17                lives through one seed and prints all that happened
npm run simulate -- --plan FILE              lives through the plan in a file and prints all that happened
npm run simulate -- --coverage --seeds 50    says which states, Catches and Retries were taken, and fails if one was not that is not out of reach
--workers 2                                  so many processes, two unless said`;

process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
process.env.POWERTOOLS_METRICS_DISABLED = "true";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" },
    plan: { type: "string" },
    minutes: { type: "string" },
    workers: { type: "string", default: "2" },
    coverage: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help || (values.seed ?? values.plan ?? values.seeds ?? values.minutes) === undefined)
  console.log(usage);
else if (values.coverage)
  process.exitCode = await showCoverage(Number(values.from ?? 1), Number(values.seeds ?? 50));
else if (values.seed !== undefined) process.exitCode = await showOne(await planOf(Number(values.seed)));
else if (values.plan !== undefined)
  process.exitCode = await showOne(JSON.parse(readFileSync(values.plan, "utf8")));
else process.exitCode = await liveThroughMany();

async function liveThroughMany(): Promise<number> {
  // Fresh seeds unless some are asked for: each run sees worlds that nobody has seen.
  const from =
    values.from === undefined ? (values.seeds ? 1 : Date.now() % 1_000_000_000) : Number(values.from);
  const until = values.minutes === undefined ? undefined : Date.now() + Number(values.minutes) * 60_000;
  const count = values.seeds === undefined ? Number.POSITIVE_INFINITY : Number(values.seeds);
  console.log(`from seed ${from}`);
  const begun = Date.now();
  const done = { seeds: 0, releases: 0, faults: 0 };
  const broken: Report[] = [];
  await liveThrough(seedsFrom(from, count, until), {
    workers: Number(values.workers),
    onReport(report) {
      done.seeds++;
      done.releases += report.releases;
      done.faults += report.faults;
      if (report.broken.length > 0) {
        console.log(`seed ${report.seed}: ${report.broken.join("\n  ")}`);
        broken.push(report);
      }
      return broken.length < 5;
    },
  });
  const seconds = (Date.now() - begun) / 1000;
  console.log(
    `${done.seeds} worlds with ${done.releases} releases and ${done.faults} faults in ${seconds.toFixed(1)} s: ${(done.releases / seconds).toFixed(1)} releases a second`,
  );
  const [first] = broken.toSorted((one, other) => one.seed - other.seed);
  if (first === undefined) return 0;
  await showShrunk(first.seed);
  // Once more at the end, which is what is left of a long log.
  console.log(`\nbroken by ${broken.map(({ seed }) => `seed ${seed}`).join(", ")}`);
  return 1;
}

function* seedsFrom(from: number, count: number, until: number | undefined): Generator<number> {
  for (let nth = 0; nth < count && (until === undefined || Date.now() < until); nth++) yield from + nth;
}

async function planOf(seed: number): Promise<Plan> {
  const { createPlan } = await import("./plan.ts");
  return createPlan(seed);
}

async function showOne(plan: Plan): Promise<number> {
  const { simulate } = await import("./run.ts");
  const { traceOf } = await import("./trace.ts");
  const run = await simulate(plan);
  console.log(traceOf(run));
  return run.violations.length === 0 ? 0 : 1;
}

async function showShrunk(seed: number): Promise<void> {
  const { simulate } = await import("./run.ts");
  const { shrink } = await import("./shrink.ts");
  const { traceOf } = await import("./trace.ts");
  const run = await simulate(await planOf(seed));
  if (run.violations.length === 0) return;
  const least = await shrink(run, (plan) => simulate(plan));
  console.log(
    `\nthe shortest that was found of seed ${seed}; npm run simulate -- --seed ${seed} shows all of it:`,
  );
  console.log(traceOf(least));
  console.log(`\nits plan, for --plan and for test/simulation/worlds/:\n${JSON.stringify(least.plan)}`);
}

/**
 * Says which places of the machines no world came to.
 * @returns 1 if one of them is not explained, or one is explained to which a world came after all.
 */
async function showCoverage(from: number, count: number): Promise<number> {
  const { placesThereAre } = await import("./coverage.ts");
  const { outOfReach } = await import("./out-of-reach.ts");
  const takenBy = new Map<string, number[]>();
  await liveThrough(seedsFrom(from, count, undefined), {
    workers: Number(values.workers),
    environment: { SIMULATED_COVERAGE: "1" },
    onReport({ seed, places, broken }) {
      for (const place of places) takenBy.set(place, [...(takenBy.get(place) ?? []), seed]);
      if (broken.length > 0) console.log(`seed ${seed}: ${broken.join("\n  ")}`);
      return true;
    },
  });
  const all = await placesThereAre();
  const missing = all.filter((place) => !takenBy.has(place));
  const unexplained = missing.filter((place) => outOfReach[place] === undefined);
  const wrong = Object.keys(outOfReach).filter((place) => takenBy.has(place));
  const taken = all.length - missing.length;
  const explained = missing.length - unexplained.length;
  console.log(
    `${count} worlds took ${taken} of ${all.length} states, Catches and Retries; ${explained} are out of reach`,
  );
  for (const place of unexplained) console.log(`NOT TAKEN ${place}`);
  for (const place of wrong)
    console.log(`NOT OUT OF REACH ${place}: seed ${takenBy.get(place)?.[0]} took it`);
  for (const place of missing.filter((place) => outOfReach[place] !== undefined))
    console.log(`out of reach: ${place}, because ${outOfReach[place]}`);
  const rare = all.filter((place) => (takenBy.get(place)?.length ?? 0) === 1);
  for (const place of rare) console.log(`taken once: ${place}, by seed ${takenBy.get(place)?.[0]}`);
  return unexplained.length + wrong.length === 0 ? 0 : 1;
}
