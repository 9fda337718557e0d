import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FolderInUseError, takeFolder } from "../../cli/state-folder.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-folder-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("locks the folder with its process id and unlocks it again", async () => {
  const taken = await takeFolder(folder);
  expect(await readFile(join(folder, "lock"), "utf8")).toBe(String(process.pid));
  await taken.release();
  expect(existsSync(join(folder, "lock"))).toBe(false);
});

it("makes a folder that is not there", async () => {
  const taken = await takeFolder(join(folder, "new", "state"));
  expect(existsSync(taken.run)).toBe(true);
});

it("refuses a folder whose process lives, and says what to do", async () => {
  await writeFile(join(folder, "lock"), String(process.ppid));
  const taking = takeFolder(folder);
  await expect(taking).rejects.toThrow(FolderInUseError);
  await expect(taking).rejects.toThrow(/process \d+.*--folder DIR/);
});

it("takes over the lock of a process that is gone", async () => {
  const gone = spawn(process.execPath, ["--eval", ""]);
  await once(gone, "exit");
  await writeFile(join(folder, "lock"), String(gone.pid));
  await takeFolder(folder);
  expect(await readFile(join(folder, "lock"), "utf8")).toBe(String(process.pid));
});

it("removes what a killed run left of its services and keeps caches", async () => {
  for (const name of ["postgres", "source", "image-builds"])
    await mkdir(join(folder, "run", name), { recursive: true });
  const { run } = await takeFolder(folder);
  expect(existsSync(join(run, "postgres"))).toBe(false);
  expect(existsSync(join(run, "source"))).toBe(false);
  expect(existsSync(join(run, "image-builds"))).toBe(true);
});
