import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { invariants } from "../simulation/invariants/all.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/reliability.md"), "utf8");

/** The rows of the table below a heading, cell by cell, without its head. */
function rowsOf(heading: string): string[][] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  const rows = [...own.matchAll(/^\| (.*) \|$/gm)].map(([, row = ""]) => row.split(" | "));
  return rows.slice(1);
}

describe("docs/reliability.md", () => {
  it("names each rule of the simulation beside its promise, and none that there is not", () => {
    const told = rowsOf("The promises").flatMap(([number, , rules = ""]) =>
      rules.split("; ").map((rule) => `${number} ${rule}`),
    );
    const unnumbered = Object.keys(invariants).filter((rule) => !/^\d/.test(rule));
    const shown = told.map((rule) => rule.replace(/^\d+ /, ""));
    expect(shown.filter((rule) => unnumbered.includes(rule)).toSorted()).toEqual(unnumbered.toSorted());
    const numbered = told.filter((_, at) => !unnumbered.includes(shown[at] ?? ""));
    const rules = Object.keys(invariants).filter((rule) => !unnumbered.includes(rule));
    expect(numbered.toSorted()).toEqual(rules.toSorted());
  });

  it("says of each world that found a bug what was wrong", () => {
    const kept = readdirSync(join(root, "test/simulation/worlds")).map((file) => file.replace(/\.json$/, ""));
    const told = rowsOf("What it found").map(([, , where = ""]) => where.replaceAll("`", ""));
    expect(kept.filter((world) => !told.includes(world))).toEqual([]);
    const worlds = told.filter((where) => !where.startsWith("test/"));
    expect(worlds.toSorted()).toEqual(kept.toSorted());
  });
});
