import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { liveThrough } from "./crew.ts";
import type { Plan } from "./plan.ts";
import type { Report } from "./worker.ts";

const usage = `npm run simulate -- --seeds 200 [--from 1]   lives through so many seeds
npm run simulate -- --minutes 4              lives through fresh seeds for so long
npm run simulate -- --seed 17                lives through one seed and prints all that happened
npm run simulate -- --plan FILE              lives through the plan in a file and prints all that happened
--coverage                                   says which states, Catches and Retries were taken, and fails if one was not
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
  const takenBy = new Map<string, number[]>();
  await liveThrough(seedsFrom(from, count, until), {
    workers: Number(values.workers),
    environment: values.coverage ? { SIMULATED_COVERAGE: "1" } : {},
    onReport(report) {
      done.seeds++;
      done.releases += report.releases;
      done.faults += report.faults;
      for (const place of report.places) takenBy.set(place, [...(takenBy.get(place) ?? []), report.seed]);
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
  const isCovered = !values.coverage || (await showCoverage(takenBy));
  const [first] = broken.toSorted((one, other) => one.seed - other.seed);
  if (first === undefined) return isCovered ? 0 : 1;
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

/** @returns whether every place of the machines was taken, or is out of reach. */
async function showCoverage(takenBy: ReadonlyMap<string, readonly number[]>): Promise<boolean> {
  const { judgeCoverage, placesThereAre } = await import("./coverage.ts");
  const { outOfReach } = await import("./out-of-reach.ts");
  const { says, isWhole } = judgeCoverage(await placesThereAre(), takenBy, outOfReach);
  for (const line of says) console.log(line);
  return isWhole;
}
