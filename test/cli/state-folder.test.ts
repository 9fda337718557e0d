import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FolderInUseError } from "../../cli/folder-lock.ts";
import { takeFolder } from "../../cli/state-folder.ts";
import { createRealClock } from "../../local/asl/real-clock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-folder-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const clock = createRealClock();
const lock = (number = 1) => join(folder, `lock.${number}`);

it("locks the folder for this process and unlocks it again", async () => {
  const taken = await takeFolder(folder, clock);
  expect(JSON.parse(await readFile(lock(), "utf8"))).toMatchObject({ process: process.pid });
  await taken.release();
  expect(existsSync(lock())).toBe(false);
});

it("makes a folder that is not there", async () => {
  const taken = await takeFolder(join(folder, "new", "state"), clock);
  expect(existsSync(taken.run)).toBe(true);
});

it("refuses a folder whose process lives, and says what to do", async () => {
  await takeFolder(folder, clock);
  const taking = takeFolder(folder, clock);
  await expect(taking).rejects.toThrow(FolderInUseError);
  await expect(taking).rejects.toThrow(new RegExp(`process ${process.pid}.*--folder DIR`));
});

it.each([0, 1, 2, 3, 4])("gives a folder to one of many that ask at the same time (%i)", async (killed) => {
  // Also where killed runs held it.
  for (let number = 1; number <= killed; number++)
    await writeFile(lock(number), JSON.stringify({ process: process.pid, startedAt: "long ago" }));
  const asking = await Promise.allSettled(Array.from({ length: 16 }, () => takeFolder(folder, clock)));
  expect(asking.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

it.each([
  ["of a process that is gone", async () => ({ process: await endedProcess(), startedAt: "1" })],
  ["whose number another process has by now", async () => ({ process: process.pid, startedAt: "long ago" })],
  ["of another version", async () => process.pid],
])("takes over a lock %s, and removes it", async (_, content) => {
  await writeFile(lock(), JSON.stringify(await content()));
  await takeFolder(folder, clock);
  expect(JSON.parse(await readFile(lock(2), "utf8"))).toMatchObject({ process: process.pid });
  expect(existsSync(lock())).toBe(false);
});

it("takes over a lock that was never written to its end", async () => {
  await writeFile(lock(), "");
  await takeFolder(folder, clock);
  await expect(takeFolder(folder, clock)).rejects.toThrow(FolderInUseError);
});

async function endedProcess(): Promise<number | undefined> {
  const gone = spawn(process.execPath, ["--eval", ""]);
  await once(gone, "exit");
  return gone.pid;
}

it("removes what was under way in a killed run, and keeps caches and what the next start goes on with", async () => {
  const [builds, caches, kept] = ["run/builds", "run/image-builds", "state/images"];
  for (const name of [builds, caches, kept]) await mkdir(join(folder, name), { recursive: true });
  await takeFolder(folder, clock);
  expect(existsSync(join(folder, builds))).toBe(false);
  expect(existsSync(join(folder, caches))).toBe(true);
  expect(existsSync(join(folder, kept))).toBe(true);
});

it("deletes what is kept, and no cache, when it is to be fresh", async () => {
  const [caches, kept] = ["run/image-builds", "state/images"];
  for (const name of [caches, kept]) await mkdir(join(folder, name), { recursive: true });
  const { state } = await takeFolder(folder, clock, { fresh: true });
  expect(existsSync(state)).toBe(true);
  expect(existsSync(join(folder, kept))).toBe(false);
  expect(existsSync(join(folder, caches))).toBe(true);
});
