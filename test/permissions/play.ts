import { createWorld, type SimulatedWorld } from "../simulation/world.ts";
import { createBetween } from "./between.ts";
import type { Scenario } from "./scenario.ts";

/** Has a scenario happen. @param look is told of its world at the end, while it is still there. */
export async function playScenario(
  { name, config, secrets, loses, play }: Scenario,
  look: (world: SimulatedWorld) => Promise<void> | void,
): Promise<void> {
  const between = createBetween(loses);
  const world = await createWorld(1, config, secrets, { seams: () => between.seams });
  await play(world, between);
  if (between.waiting.length > 0) throw new Error(`${name}: nobody called ${between.waiting.join(", ")}`);
  await look(world);
  await world.close();
}
