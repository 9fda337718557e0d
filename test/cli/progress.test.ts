import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { createProgress } from "../../cli/progress.ts";
import type { ServiceEvent } from "../../local/world.ts";
import config from "../../spillway.config.ts";
import { createWorld } from "../simulation/world.ts";

/** What the terminal shows of these events, without the times. */
const shown = (events: readonly ServiceEvent[]): string[] => {
  const lines: string[] = [];
  const progress = createProgress(
    (line) => lines.push(stripVTControlCharacters(line)),
    () => 0,
  );
  for (const event of events) progress.onEvent(event);
  return lines.map((line) => line.replace(/^ *0\.0 s {2}/, "").trim());
};

describe("the progress of a release in the terminal", () => {
  it("names each build as npm run logs does, and the environment that it verifies", async () => {
    const world = await createWorld(1, config);
    await world.release("aaaaaaa");
    const lines = shown(world.events);
    await world.close();
    for (const build of [
      "static-analysis",
      "unit-tests[TZ=UTC]",
      "unit-tests[TZ=Pacific/Auckland]",
      "end-to-end in staging",
      "performance in staging",
      "end-to-end in production",
    ])
      expect(lines.filter((line) => line.includes(` ${build}`))).toEqual([
        `stage     ${build} …`,
        `✓ stage     ${build}`,
      ]);
  });
});
