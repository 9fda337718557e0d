import { cpus } from "node:os";
import { benchCaches, renderCacheBench } from "./caches.ts";
import { benchCost } from "./cost.ts";
import { benchDeployments, renderDeploymentsBench } from "./deployments.ts";
import { benchEngine, renderEngineBench } from "./engine.ts";
import { benchFunctions, renderFunctionBench } from "./functions.ts";
import { benchOrchestration } from "./orchestration.ts";
import { benchRelease, renderReleaseBench } from "./release.ts";
import { benchRollback, renderRollbackBench } from "./rollback.ts";
import { benchSimulation } from "./simulation.ts";

const benches: Readonly<Record<string, () => Promise<string>>> = {
  caches: async () => renderCacheBench(await benchCaches()),
  cost: benchCost,
  deployments: async () => renderDeploymentsBench(await benchDeployments()),
  engine: async () => renderEngineBench(benchEngine()),
  functions: async () => renderFunctionBench(await benchFunctions()),
  orchestration: benchOrchestration,
  release: async () => renderReleaseBench(await benchRelease()),
  rollback: async () => renderRollbackBench(await benchRollback()),
  simulation: benchSimulation,
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}"; there is ${Object.keys(benches).join(", ")}.`);
  process.exitCode = 2;
} else {
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} cores`);
  for (const [name, run] of Object.entries(benches))
    if (asked.length === 0 || asked.includes(name)) console.log(`\n${await run()}`);
}
