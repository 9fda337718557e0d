import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { mistakes } from "./mistakes.ts";

const root = resolve(import.meta.dirname, "../..");

it("can make every mistake of npm run test:mutations in the sources as they are", () => {
  expect(mistakes.length).toBeGreaterThanOrEqual(12);
  const stale = mistakes.filter(({ file, from }) => !readFileSync(join(root, file), "utf8").includes(from));
  expect(stale.map(({ name }) => name)).toEqual([]);
});
