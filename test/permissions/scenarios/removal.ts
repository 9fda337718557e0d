import { oneEnvironment } from "../../simulation/environments.ts";
import { removeInstallation } from "../../simulation/removal.ts";
import type { Scenario } from "../scenario.ts";
import { reporting } from "../steps.ts";

/** What happens at the end of an installation that is thrown away. */
export const removal: readonly Scenario[] = [
  {
    name: "an installation that is removed after a release",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa", { stages: { "unit-tests": reporting } });
      await removeInstallation(world);
    },
  },
];
