import { expect, it } from "vitest";
import { liveThrough } from "./crew.ts";
import { mutants } from "./mutants/catalogue/all.ts";
import { without } from "./mutants/search.ts";
import { worlds } from "./worlds.ts";

it.each(worlds.filter(({ guard }) => guard !== undefined))(
  "a world that found a bug finds it again without what was mended: $was",
  async ({ guard, plan }) => {
    const mutant = mutants.find(({ name }) => name === guard);
    if (mutant === undefined) throw new Error(`There is no mutant ${guard}.`);
    const broken: string[] = [];
    await liveThrough([plan].values(), {
      workers: 1,
      ...without(mutant),
      onReport(report) {
        broken.push(...report.broken);
        return true;
      },
    });
    expect(broken).not.toEqual([]);
    expect(broken.join("\n")).not.toContain("the world itself broke");
  },
  60_000,
);
