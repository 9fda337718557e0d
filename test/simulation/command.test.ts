import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { node, root } from "../cli/command.ts";
import { createPlan } from "./plan.ts";
import { simulate as liveThrough } from "./run.ts";
import { traceOf } from "./trace.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-simulate-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A guard that many worlds miss, which is so taken out of every process of the command. */
const mutant = {
  NODE_OPTIONS: `--import ${join(import.meta.dirname, "mutants/hook.ts")}`,
  SIMULATED_MUTANT: "orphans",
};

/** Runs `npm run simulate` with these words. */
async function simulate(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(node, [join(root, "test/simulation/main.ts"), ...words], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((settle, reject) => {
    child.once("error", reject);
    child.once("close", settle);
  });
  return { printed: await text(child.stdout), status: await ended };
}

describe("npm run simulate", () => {
  it("exits with 0 where no rule is broken, and says how many worlds it lived through", async () => {
    const { printed, status } = await simulate(["--seeds", "1", "--from", "7", "--workers", "1"]);
    expect(printed).toMatch(/^from seed 7\n1 worlds with \d+ releases and \d+ faults in /);
    expect(status).toBe(0);
  }, 60_000);

  it("prints of a seed to the letter what happens in a process that has lived through others before", async () => {
    for (const other of [13, 2]) await liveThrough(createPlan(other));
    const here = traceOf(await liveThrough(createPlan(8)));
    const there = await simulate(["--seed", "8"]);
    expect(there).toEqual({ printed: `${here}\n`, status: 0 });
  }, 60_000);

  it("exits with 1 where one is, names the seed, and prints the shortest world, which is the same again", async () => {
    const broken = await simulate(["--seeds", "4", "--workers", "1"], mutant);
    expect(broken.status).toBe(1);
    const rule = "3 no build that somebody waits for is stopped as an orphan";
    const [, seed] = new RegExp(`^seed (\\d+): ${rule}: `, "m").exec(broken.printed) ?? [];
    const [, shortest = "", plan = ""] =
      /shows all of it:\n(.*)\n\nits plan, .*:\n(\{.*\})\n/s.exec(broken.printed) ?? [];
    expect(broken.printed).toContain(`the shortest that was found of seed ${seed};`);
    expect(shortest).toContain(`BROKEN ${rule}`);
    expect(broken.printed).toMatch(new RegExp(`\nbroken by seed ${seed}\\b`));

    const file = join(folder, "plan.json");
    await writeFile(file, plan);
    expect(await simulate(["--plan", file], mutant)).toEqual({ printed: `${shortest}\n`, status: 1 });
    const whole = await simulate(["--plan", file]);
    expect(whole.printed).not.toContain("BROKEN");
    expect(whole.status).toBe(0);
  }, 180_000);
});
