import { oneEnvironment } from "../../simulation/environments.ts";
import type { SimulatedWorld } from "../../simulation/world.ts";
import type { Scenario } from "../scenario.ts";
import { breakOff, expand, ofBuild, ofTarget, ofTask, serviceEvents, silence, verified } from "../steps.ts";

/** Executions that a person stops in the middle. */
export const brokenOff: readonly Scenario[] = [
  ...(["heard of", "not heard of"] as const).flatMap((heard): Scenario[] => {
    const prepare = async (world: SimulatedWorld) => {
      await world.release("aaaaaaa");
      if (heard === "not heard of") await silence(world, ["ExecutionBroken", ...serviceEvents]);
    };
    return [
      {
        name: `a deployment that is stopped in its migration, ${heard}`,
        config: oneEnvironment(),
        async play(world) {
          await prepare(world);
          await breakOff(world, "DeployMachine", { migration: { ...expand, seconds: 300 } }, ofTask);
        },
      },
      {
        name: `a deployment that is stopped in its verification, ${heard}`,
        config: verified("end-to-end"),
        async play(world) {
          await prepare(world);
          const slow = { stages: { "end-to-end": { seconds: 3_000 } } };
          await breakOff(world, "DeployMachine", slow, ofBuild("end-to-end"));
        },
      },
      {
        name: `a release that is stopped in its checks, ${heard}`,
        config: oneEnvironment(),
        async play(world) {
          await prepare(world);
          const slow = { stages: { "unit-tests": { seconds: 3_000 } } };
          await breakOff(world, "ReleaseMachine", slow, ofBuild("unit-tests"));
        },
      },
      {
        name: `a release that is stopped in its deployment, ${heard}`,
        config: oneEnvironment(),
        async play(world) {
          await prepare(world);
          await breakOff(world, "ReleaseMachine", {}, ofTarget("UpdateServiceStarted"));
        },
      },
    ];
  }),
];
