import { liveThrough } from "../test/simulation/crew.ts";
import { createWorld } from "../test/simulation/world.ts";
import { table } from "./figures.ts";

const healthy = 30;
const worlds = 100;
const processes = 2;

/** Releases that were simulated, and what they took, in seconds. */
interface Speed {
  readonly releases: number;
  readonly wall: number;
  readonly cpu: number;
}

/**
 * How fast releases are simulated: healthy ones with tables in memory, beside the same with dynalite's tables as on a
 * laptop; and worlds with their faults, by as many processes as `npm run simulate` uses.
 */
export async function benchSimulation(): Promise<string> {
  process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
  process.env.POWERTOOLS_METRICS_DISABLED = "true";
  // What is compiled and cached once is not counted.
  await releaseHealthy("memory", 3);
  const memory = await releaseHealthy("memory", healthy);
  const dynalite = await releaseHealthy("dynalite", healthy);
  const faulty = await liveThroughWorlds();
  const rate = ({ releases, wall }: Speed) => releases / wall;
  const cost = ({ releases, cpu }: Speed) => (cpu / releases) * 1000;
  return [
    `${healthy} healthy releases in one process with either kind of table, and ${worlds} worlds with ${faulty.releases} releases and all their faults in ${processes} processes.`,
    table(
      ["", "in memory", "dynalite", "ratio"],
      [
        [
          "healthy releases a second, one process",
          rate(memory).toFixed(1),
          rate(dynalite).toFixed(1),
          (rate(memory) / rate(dynalite)).toFixed(2),
        ],
        [
          "CPU of a healthy release, ms",
          cost(memory).toFixed(0),
          cost(dynalite).toFixed(0),
          (cost(memory) / cost(dynalite)).toFixed(2),
        ],
        [`releases of worlds a second, ${processes} processes`, rate(faulty).toFixed(1), "–", "–"],
      ],
    ),
  ].join("\n\n");
}

async function releaseHealthy(tables: "memory" | "dynalite", releases: number): Promise<Speed> {
  const world = await createWorld(1, undefined, {}, { tables });
  const begun = performance.now();
  const before = process.cpuUsage();
  for (let nth = 1; nth <= releases; nth++) await world.release(`a${String(nth).padStart(6, "0")}`);
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - begun) / 1000;
  await world.close();
  return { releases, wall, cpu: (user + system) / 1e6 };
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
