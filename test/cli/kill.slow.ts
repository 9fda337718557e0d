import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";

const Report = z.object({
  outcome: z.string(),
  release: z.string(),
  environments: z.record(z.string(), z.object({ commit: z.string().optional(), url: z.string().optional() })),
});

let folder = "";
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-kill-"));
});
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** Starts the command and gives what it says. */
function start() {
  const script = join(import.meta.dirname, "..", "..", "cli", "start.ts");
  const started = spawn(process.execPath, [script, "--json", "--folder", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = started;
  return { started, lines: createInterface({ input: started.stdout }) };
}

/** Starts it, and kills it at the first line like this. @returns what it had said. */
async function killAt(pattern: RegExp): Promise<string[]> {
  const { started, lines } = start();
  const said: string[] = [];
  for await (const line of lines) {
    said.push(line);
    if (!pattern.test(line)) continue;
    started.kill("SIGKILL");
    await once(started, "exit");
    return said;
  }
  throw new Error(`It never said ${pattern}; it said:\n${said.join("\n")}`);
}

/** Starts it and waits for its report; it stays up. */
async function startToReport(): Promise<{ report: z.infer<typeof Report>; said: string }> {
  const said: string[] = [];
  for await (const line of start().lines) {
    said.push(line);
    if (line.startsWith('{"outcome"'))
      return { report: Report.parse(JSON.parse(line)), said: said.join("\n") };
  }
  throw new Error(`It ended without a report; it said:\n${said.join("\n")}`);
}

async function answers(url: string | undefined): Promise<number> {
  return (await fetch(new URL("/health", url))).status;
}

it("releases although it is killed in a stage, in the migration and in the deployment, and serves again after a kill", async () => {
  await killAt(/stage .*…/);
  await killAt(/migration .*…/);
  await killAt(/deploy .*…/);
  const { report } = await startToReport();
  expect(report.outcome).toBe("Released");
  const [environment] = Object.values(report.environments);
  expect(await answers(environment?.url)).toBe(200);
  child?.kill("SIGKILL");
  const again = await startToReport();
  expect(again.said).toContain("live already");
  expect(again.report).toMatchObject({ outcome: "Released", release: report.release });
  expect(again.report.environments).toEqual(report.environments);
  expect(await answers(environment?.url)).toBe(200);
});
