// A process that lives through the worlds that it is sent, one after another.
import { createHash } from "node:crypto";
import { placesTaken } from "./coverage.ts";
import type { Task } from "./crew.ts";
import { createPlan } from "./plan.ts";
import { simulate } from "./run.ts";
import { traceOf } from "./trace.ts";

/** What became of a seed, as a worker tells it. */
export interface Report {
  readonly seed: number;
  readonly releases: number;
  readonly faults: number;
  readonly broken: readonly string[];
  /** Of all that happened: the same for the same seed. */
  readonly digest: string;
  /** The states, Catches and Retries that its executions took, if they are asked for. */
  readonly places: readonly string[];
}

// Powertools and the SDK read it often, and from the operating system it takes them long.
process.env = { ...process.env };

process.on("message", (task: Task) => {
  // Nobody may be left who asked.
  void report(task).then((said) => process.connected && process.send?.(said));
});

async function report(task: Task): Promise<Report> {
  const plan = typeof task === "number" ? createPlan(task) : task;
  const places = new Set<string>();
  try {
    const run = await simulate(plan, {
      root: process.env.SIMULATED_ROOT,
      async inspect(world) {
        if (process.env.SIMULATED_COVERAGE === undefined) return;
        for (const place of await world.clock.runUntil(placesTaken(world))) places.add(place);
      },
    });
    return {
      seed: plan.seed,
      releases: run.releases,
      faults: run.faults.length,
      broken: run.violations.map(({ invariant, says }) => `${invariant}: ${says}`),
      digest: createHash("sha256").update(traceOf(run)).digest("hex"),
      places: [...places],
    };
  } catch (error) {
    const broken = [`the world itself broke: ${error instanceof Error ? error.stack : String(error)}`];
    return { seed: plan.seed, releases: 0, faults: 0, broken, digest: "", places: [] };
  }
}
