import { liveThrough } from "../test/simulation/crew.ts";
import { createPlan } from "../test/simulation/plan.ts";
import { simulate } from "../test/simulation/run.ts";
import { table } from "./figures.ts";

/** Worlds that are lived through in one process with either kind of table, and by two processes side by side. */
const alone = 12;
const sideBySide = 60;
const processes = 2;

interface Speed {
  readonly releases: number;
  /** Of this process, in seconds. */
  readonly wall: number;
  readonly cpu: number;
}

/** How fast worlds are simulated: with tables in memory, with dynalite's as on a laptop, and by two processes. */
export async function benchSimulation(): Promise<string> {
  silence();
  // What is compiled and cached once is not counted.
  await liveAlone("memory", 1, 2);
  const memory = await liveAlone("memory", 1, alone);
  const dynalite = await liveAlone("dynalite", 1, alone);
  const { releases, seconds } = await liveTogether();
  const perSecond = ({ releases, wall }: Speed) => (releases / wall).toFixed(1);
  const cpuOf = ({ releases, cpu }: Speed) => `${((cpu / releases) * 1000).toFixed(0)} ms`;
  return [
    `The seeds 1 to ${alone} in one process, and ${sideBySide} seeds in ${processes} processes: simulated worlds with all their faults.`,
    table(
      ["", "tables in memory", "tables of dynalite", "ratio"],
      [
        ["releases", String(memory.releases), String(dynalite.releases), "–"],
        [
          "releases a second, one process",
          perSecond(memory),
          perSecond(dynalite),
          (memory.releases / memory.wall / (dynalite.releases / dynalite.wall)).toFixed(2),
        ],
        [
          "CPU of a release",
          cpuOf(memory),
          cpuOf(dynalite),
          (memory.cpu / memory.releases / (dynalite.cpu / dynalite.releases)).toFixed(2),
        ],
        [`releases a second, ${processes} processes`, (releases / seconds).toFixed(1), "–", "–"],
      ],
    ),
  ].join("\n\n");
}

async function liveAlone(tables: "memory" | "dynalite", from: number, count: number): Promise<Speed> {
  const begun = performance.now();
  const before = process.cpuUsage();
  let releases = 0;
  for (let seed = from; seed < from + count; seed++)
    releases += (await simulate(createPlan(seed), { tables })).releases;
  const { user, system } = process.cpuUsage(before);
  return { releases, wall: (performance.now() - begun) / 1000, cpu: (user + system) / 1e6 };
}

async function liveTogether(): Promise<{ releases: number; seconds: number }> {
  let releases = 0;
  const begun = performance.now();
  const seeds = Array.from({ length: sideBySide }, (_, index) => index + 1).values();
  await liveThrough(seeds, {
    workers: processes,
    onReport(report) {
      releases += report.releases;
      return true;
    },
  });
  return { releases, seconds: (performance.now() - begun) / 1000 };
}

/** What functions log and count is not what is measured. */
function silence(): void {
  process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
  process.env.POWERTOOLS_METRICS_DISABLED = "true";
}
