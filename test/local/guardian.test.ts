import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { findProcess } from "../../local/process-table.ts";

const url = (path: string) => JSON.stringify(import.meta.resolve(path));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

/** A program that starts processes as the local AWS does. @returns what it printed: the numbers of processes. */
async function startParent(script: string): Promise<{ parent: ChildProcess; numbers: number[] }> {
  const program = `
    import { createRealClock } from ${url("../../local/asl/real-clock.ts")};
    import { guardianId, startProcess } from ${url("../../local/process.ts")};
    const run = (script) => new Promise((resolve) => {
      const { pid } = startProcess(createRealClock(), {
        command: "/bin/sh", arguments: ["-c", script], folder: "/", environment: { PATH: "/usr/bin:/bin" },
        onLine: (line) => resolve([pid, ...line.split(" ").map(Number)]),
      });
    });
    ${script}
  `;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(parent);
  const [line] = await once(createInterface({ input: parent.stdout }), "line");
  return { parent, numbers: JSON.parse(String(line)) };
}

const living = async (numbers: readonly number[]) =>
  (await Promise.all(numbers.map(async (id) => ((await findProcess(id)) ? [id] : [])))).flat();

const family = "sleep 1000 & echo $!; wait";
const stubborn = "trap '' TERM; sleep 1000 & echo $!; wait";
const quick = "sleep 1000 & echo $!; exec sleep 1000";

describe("what a killed process had started", () => {
  it("is ended, whole groups, also those that ignore SIGTERM, and the guardian after them", async () => {
    const { parent, numbers } = await startParent(`
      const groups = [await run(${JSON.stringify(stubborn)}), await run(${JSON.stringify(family)}), await run(${JSON.stringify(quick)})];
      console.log(JSON.stringify([...groups.flat(), guardianId()]));
    `);
    expect(numbers).toHaveLength(7);
    expect(await living(numbers)).toEqual(numbers);
    parent.kill("SIGKILL");
    await expect.poll(() => living(numbers), { timeout: 20_000 }).toEqual([]);
  });

  it("is ended when the guardian itself was killed before", async () => {
    const { parent, numbers } = await startParent(`
      const group = await run(${JSON.stringify(family)});
      const first = guardianId();
      process.kill(first, "SIGKILL");
      while (guardianId() === first) await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(JSON.stringify([...group, guardianId()]));
    `);
    parent.kill("SIGKILL");
    await expect.poll(() => living(numbers), { timeout: 20_000 }).toEqual([]);
  });

  it("leaves no guardian behind when it ends by itself", async () => {
    const { parent, numbers } = await startParent(`
      console.log(JSON.stringify([...await run(${JSON.stringify(family)}), guardianId()]));
      process.exit(0);
    `);
    if (parent.exitCode === null) await once(parent, "exit");
    await expect.poll(() => living(numbers), { timeout: 20_000 }).toEqual([]);
  });
});
