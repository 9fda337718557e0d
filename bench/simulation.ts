import { liveThrough } from "../test/simulation/crew.ts";
import { createPlan } from "../test/simulation/plan.ts";
import { simulate } from "../test/simulation/run.ts";
import { createWorld } from "../test/simulation/world.ts";
import { table } from "./figures.ts";

const healthy = 30;
const compared = 20;
/** So many that what the first of each process take longer for hardly counts. */
const worlds = 500;
const processes = 2;

/** Releases that were simulated, and what they took, in seconds; `cpu` of this process alone. */
interface Speed {
  readonly releases: number;
  readonly wall: number;
  readonly cpu: number;
}

/**
 * How fast releases are simulated: healthy ones with tables in memory, beside the same with dynalite's tables as on a
 * laptop; the same worlds with their faults and without, in turns, beside a healthy release; and worlds with their
 * faults, by as many processes as `npm run simulate` uses.
 */
export async function benchSimulation(): Promise<string> {
  process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
  process.env.POWERTOOLS_METRICS_DISABLED = "true";
  // What is compiled and cached once is not counted.
  await releaseHealthy("memory", 3);
  const memory = await releaseHealthy("memory", healthy);
  const dynalite = await releaseHealthy("dynalite", healthy);
  await compareWorlds(3);
  const { faulty, faultless } = await compareWorlds(compared);
  const together = await liveThroughWorlds();
  const rate = ({ releases, wall }: Speed) => releases / wall;
  const cost = ({ releases, cpu }: Speed) => (cpu / releases) * 1000;
  const ratio = (one: number, other: number) => (one / other).toFixed(2);
  const costs = [cost(faulty), cost(faultless)] as const;
  return [
    `${healthy} healthy releases in one process with either kind of table.`,
    table(
      ["", "in memory", "dynalite", "ratio"],
      [
        [
          "healthy releases a second, one process",
          rate(memory).toFixed(1),
          rate(dynalite).toFixed(1),
          ratio(rate(memory), rate(dynalite)),
        ],
        [
          "CPU of a healthy release, ms",
          cost(memory).toFixed(0),
          cost(dynalite).toFixed(0),
          ratio(cost(memory), cost(dynalite)),
        ],
      ],
    ),
    `${compared} worlds in one process, with their faults and without; what making them took is in it.`,
    table(
      ["", "with faults", "without", "ratio"],
      [
        ["releases", String(faulty.releases), String(faultless.releases), "–"],
        ["CPU of a release, ms", ...costs.map((one) => one.toFixed(0)), ratio(...costs)],
        [
          "the same, beside a healthy release in memory",
          ...costs.map((one) => ratio(one, cost(memory))),
          "–",
        ],
      ],
    ),
    `${worlds} worlds with their faults in ${processes} processes: ${together.releases} releases, ${rate(together).toFixed(1)} a second.`,
  ].join("\n\n");
}

async function releaseHealthy(tables: "memory" | "dynalite", releases: number): Promise<Speed> {
  const world = await createWorld(1, undefined, {}, { tables });
  const begun = performance.now();
  const before = process.cpuUsage();
  for (let nth = 1; nth <= releases; nth++) await world.release(`a${String(nth).padStart(6, "0")}`);
  const cpu = cpuSince(before);
  const wall = (performance.now() - begun) / 1000;
  await world.close();
  return { releases, wall, cpu };
}

/** Lives through the first worlds, each with and without its faults, so that both see the same machine. */
async function compareWorlds(count: number): Promise<{ faulty: Speed; faultless: Speed }> {
  const faulty = { releases: 0, wall: 0, cpu: 0 };
  const faultless = { ...faulty };
  for (let seed = 1; seed <= count; seed++) {
    const plan = createPlan(seed);
    for (const [speed, faults] of [
      [faulty, plan.faults],
      [faultless, { ...plan.faults, only: [] }],
    ] as const) {
      const begun = performance.now();
      const before = process.cpuUsage();
      const { releases } = await simulate({ ...plan, faults });
      speed.releases += releases;
      speed.cpu += cpuSince(before);
      speed.wall += (performance.now() - begun) / 1000;
    }
  }
  return { faulty, faultless };
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function liveThroughWorlds(): Promise<Speed> {
  let releases = 0;
  const begun = performance.now();
  const seeds = Array.from({ length: worlds }, (_, index) => index + 1).values();
  await liveThrough(seeds, {
    workers: processes,
    onReport(report) {
      releases += report.releases;
      return true;
    },
  });
  return { releases, wall: (performance.now() - begun) / 1000, cpu: Number.NaN };
}
