// A process that lives through the seeds that it is sent, one after another.
import { createHash } from "node:crypto";
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
}

process.on("message", (seed: number) => {
  // Nobody may be left who asked.
  void report(seed).then((said) => process.connected && process.send?.(said));
});

async function report(seed: number): Promise<Report> {
  try {
    const run = await simulate(createPlan(seed), { root: process.env.SIMULATED_ROOT });
    return {
      seed,
      releases: run.releases,
      faults: run.faults.length,
      broken: run.violations.map(({ invariant, says }) => `${invariant}: ${says}`),
      digest: createHash("sha256").update(traceOf(run)).digest("hex"),
    };
  } catch (error) {
    const broken = [`the world itself broke: ${error instanceof Error ? error.stack : String(error)}`];
    return { seed, releases: 0, faults: 0, broken, digest: "" };
  }
}
