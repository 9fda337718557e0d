import { exampleWith } from "../../simulation/environments.ts";
import type { Scenario } from "../scenario.ts";
import { commit, expand, reporting, withBuild } from "../steps.ts";

/** Work that has ended before anybody looks at it. */
export const endedWork: readonly Scenario[] = [
  {
    name: "work that has ended before anybody looks at it",
    config: withBuild("source"),
    async play(world) {
      const atOnce = { ...reporting, seconds: 0 };
      const stages = { "unit-tests": atOnce, "static-analysis": { seconds: 0, passes: false } };
      await world.release("aaaaaaa", { stages: { "unit-tests": atOnce }, migration: { seconds: 0 } });
      await world.release("bbbbbbb", { stages });
      await world.release("ccccccc", { migration: { ...expand, seconds: 0, unreachable: true } });
      world.commit(commit, { stages: { "build-image": { seconds: 0, passes: false } } });
      await world.start({ service: "web", commit });
    },
  },
  ...(["passes", "fails", "cannot reach its database"] as const).map((ends): Scenario => {
    const passes = ends === "passes";
    const config = withBuild("image", exampleWith({ migration: { revert: "allowed" } }));
    const all = (how: object) =>
      Object.fromEntries(Object.keys(config.services.web?.stages ?? {}).map((name) => [name, how]));
    return {
      name: `work whose first answer is lost, which has ended and ${ends} before it is looked for`,
      loses: [
        "CodeBuild_20161006.StartBuild",
        "AmazonEC2ContainerServiceV20141113.RunTask",
        "AppRunner.CreateService",
        "AppRunner.UpdateService",
      ],
      config,
      async play(world) {
        const atOnce = { ...reporting, seconds: 0 };
        const unreachable = ends === "cannot reach its database";
        // The first of the first track alone: nothing beside it may end before it is looked for.
        const first = config.services.web?.tracks[0]?.[0] ?? "";
        if (ends === "fails")
          await world.release("aaaaaaa", { stages: { [String(first)]: { ...atOnce, passes } } });
        await world.release("bbbbbbb", { stages: all(atOnce), migration: { seconds: 0, unreachable } });
        await world.release("ccccccc", { stages: all(atOnce), migration: { seconds: 0 } });
        const migration = { ...expand, seconds: 0, downExitCode: passes ? 0 : 1 };
        await world.release("ddddddd", { migration, healthStatus: passes ? 200 : 500 });
        await world.release("eeeeeee", { migration: { ...expand, seconds: 0, exitCode: 1, silent: true } });
        world.commit(commit, { stages: { "build-image": { ...atOnce, passes } } });
        await world.start({ service: "web", commit });
      },
    };
  }),
];
