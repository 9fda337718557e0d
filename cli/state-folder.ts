import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** Another `npm start` uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
  constructor(folder: string, pid: number) {
    super(
      `Another npm start (process ${pid}) uses ${folder}. End it with Ctrl-C, or give this one a folder of its own: --folder DIR.`,
    );
  }
}

/**
 * Takes the state folder for this process. What a killed run left of its services is removed; what only saves time
 * (caches) is kept.
 * @throws FolderInUseError
 */
export async function takeFolder(
  folder: string,
): Promise<{ readonly run: string; release(): Promise<void> }> {
  await mkdir(folder, { recursive: true });
  const lock = join(folder, "lock");
  for (let attempt = 0; ; attempt++) {
    try {
      const file = await open(lock, "wx");
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch (error) {
      const pid = Number(await readFile(lock, "utf8").catch(() => ""));
      if (Number.isInteger(pid) && pid > 0 && isAlive(pid)) throw new FolderInUseError(folder, pid);
      if (attempt > 2) throw error;
      await rm(lock, { force: true });
    }
  }
  const run = join(folder, "run");
  for (const stale of ["images", "builds", "logs", "artifacts", "source", "postgres"])
    await rm(join(run, stale), { recursive: true, force: true });
  await mkdir(run, { recursive: true });
  return { run, release: () => rm(lock, { force: true }) };
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process cannot be signalled, but it lives.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
