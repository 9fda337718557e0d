import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Mutant, mutants } from "./mutants/catalogue.ts";
import { mutate } from "./mutants/mutate.ts";

const root = join(import.meta.dirname, "../..");

describe("the mutants of the simulation", () => {
  it.each(mutants)("$name takes out a guard that is there: $guard", async (mutant) => {
    const source = await readFile(join(root, mutant.file), "utf8");
    expect(mutate(source, mutant)).not.toBe(source);
  });

  it("refuses to take out a guard that has moved", () => {
    const moved: Mutant = { name: "moved", guard: "", file: "core/a.ts", from: "if (open)", to: "" };
    expect(() => mutate("if (isOpen)", moved)).toThrow("0 times in core/a.ts, not once");
  });
});
