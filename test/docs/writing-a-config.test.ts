import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { HealthConfig, parseConfig } from "../../core/config.ts";

const docs = join(import.meta.dirname, "../../docs");
const page = readFileSync(join(docs, "writing-a-config.md"), "utf8");
const deploy = readFileSync(join(docs, "deploy.md"), "utf8");

/** The examples of a page: a whole config, or members of the object they belong in. */
function examplesOf(text: string): string[] {
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
}

/** What an example says; a line that holds only an ellipsis stands for more of the same. */
function evaluate(code: string) {
  const bare = code
    .replace(/^import .*$/gm, "")
    .replace(/^\s*…\s*$/gm, "")
    .replace(/export default defineConfig\(([\s\S]*)\);/, "...$1");
  return JSON.parse(JSON.stringify(runInNewContext(`({ ${bare} })`)));
}

const smallest = evaluate(examplesOf(page)[0] ?? "");

/** The smallest config with an example in its place; the stages that the example only names are added. */
function configWith(example: ReturnType<typeof evaluate>) {
  if (example.services !== undefined) return example;
  if (example.aws !== undefined) return { ...smallest, ...example };
  const web = { ...smallest.services.web, ...example };
  const verifications = Object.values<{ verification?: string[][] }>(web.environments).flatMap(
    ({ verification = [] }) => verification.flat(),
  );
  for (const stage of [...web.tracks.flat(), ...verifications])
    web.stages = { [stage]: { buildspec: "buildspec.yml" }, ...web.stages };
  return { services: { web } };
}

describe("the examples of docs/writing-a-config.md and docs/deploy.md", () => {
  const examples = [...examplesOf(page), ...examplesOf(deploy)];

  it("are all found", () => expect(examples.length).toBeGreaterThanOrEqual(6));

  it.each(examples)("are valid: %s", (code) => {
    expect(() => parseConfig(configWith(evaluate(code)))).not.toThrow();
  });
});

it("docs/writing-a-config.md lists the rules of health with their defaults", () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| .* \| (.*) \|$/gm)].map(([, name = "", shown = ""]) => [
    name,
    shown.replaceAll("`", ""),
  ]);
  const health: Record<string, unknown> =
    parseConfig(smallest).services.web?.environments.production?.health ?? {};
  expect(rows.map(([name]) => name).toSorted()).toEqual(Object.keys(HealthConfig.shape).toSorted());
  for (const [name = "", shown] of rows)
    expect(shown, name).toBe(String(health[name] ?? (name === "status" ? "any 2xx" : "–")));
});
