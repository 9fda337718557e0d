import type { ConfigInput } from "../../core/config.ts";
import type { SimulatedWorld } from "../simulation/world.ts";
import type { Between } from "./between.ts";

/** Something that happens to an installation, in a world of its own. */
export interface Scenario {
  readonly name: string;
  readonly config: ConfigInput;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Operations whose first answer to each function is lost: `CodeBuild_20161006.StartBuild`. They took effect. */
  readonly loses?: readonly string[];
  /** @param between what comes between two calls of a function. */
  play(world: SimulatedWorld, between: Between): Promise<unknown>;
}
