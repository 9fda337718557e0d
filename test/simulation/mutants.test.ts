import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mutants } from "./mutants/catalogue/all.ts";
import { knownWorldOf } from "./mutants/known.ts";
import { type Edit, editsOf } from "./mutants/mutant.ts";
import { mutate } from "./mutants/mutate.ts";
import { rowOf } from "./mutants/table.ts";

const root = join(import.meta.dirname, "../..");

describe("the mutants of the simulation", () => {
  it.each(mutants)(
    "$name was missed in the world that the reliability page says, and within 200 worlds of seeds",
    async (mutant) => {
      const page = await readFile(join(root, "docs/reliability.md"), "utf8");
      const known = knownWorldOf(mutant.name);
      expect(page).toContain(rowOf(mutant, known));
      expect(known?.worlds).toBeLessThanOrEqual(200);
    },
  );

  it.each(mutants)("$name takes out a guard that is there: $guard", async (mutant) => {
    for (const edit of editsOf(mutant)) {
      const source = await readFile(join(root, edit.file), "utf8");
      expect(mutate(source, edit)).not.toBe(source);
    }
  });

  it("refuses to take out a guard that has moved", () => {
    const moved: Edit = { file: "core/a.ts", from: "if (open)", to: "" };
    expect(() => mutate("if (isOpen)", moved)).toThrow("0 times in core/a.ts, not once");
  });
});
