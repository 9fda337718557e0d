// Takes out one guard at a time and lives through seeds until somebody misses it.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { liveThrough } from "../crew.ts";
import { seeds } from "../seeds.ts";
import { mutants } from "./catalogue/all.ts";

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    workers: { type: "string", default: "2" },
    markdown: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

/** The seeds that found a bug first, then the others in their order. */
function* order(): Generator<number> {
  const known = Object.keys(seeds).map(Number);
  yield* known;
  for (let seed = 1; seed <= Number(values.seeds); seed++) if (!known.includes(seed)) yield seed;
}

let survivors = 0;
for (const { name, guard } of mutants) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  let lived = 0;
  let caught: { seed: number; rule: string } | undefined;
  await liveThrough(order(), {
    workers: Number(values.workers),
    execArgv: ["--import", join(import.meta.dirname, "hook.ts")],
    environment: { SIMULATED_MUTANT: name },
    onReport({ seed, broken }) {
      lived++;
      const [first] = broken;
      if (first !== undefined) caught = { seed, rule: first.split(": ")[0] ?? first };
      return first === undefined;
    },
  });
  if (caught === undefined) survivors++;
  const end = caught === undefined ? "SURVIVED" : caught.rule;
  if (values.markdown) console.log(`| ${name} | ${guard} | ${end} | ${lived} | ${caught?.seed ?? ""} |`);
  else
    console.log(
      `${name}: ${end}, after ${lived} seeds${caught === undefined ? "" : ` (seed ${caught.seed})`}`,
    );
}
process.exitCode = survivors === 0 ? 0 : 1;
