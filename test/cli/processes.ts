import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";

/** A process of this machine. */
export interface SeenProcess {
  readonly id: number;
  readonly parentId: number;
  /** Its command line, environment and working folder, as far as we may see them. */
  readonly text: string;
}

/** Every living process; what is only left of one that ended is none. */
export async function listProcesses(): Promise<SeenProcess[]> {
  if (process.platform !== "linux") return askPs();
  const ids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  return (await Promise.all(ids.map(readProc))).flat();
}

async function readProc(id: number): Promise<SeenProcess[]> {
  const read = (name: string) => readFile(`/proc/${id}/${name}`, "utf8").catch(() => "");
  const [stat, command, environment] = await Promise.all([read("stat"), read("cmdline"), read("environ")]);
  const folder = await readlink(`/proc/${id}/cwd`).catch(() => "");
  const [state, parentId] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (parentId === undefined || state === "Z" || state === "X") return [];
  return [{ id, parentId: Number(parentId), text: [command, environment, folder].join("\0") }];
}

async function askPs(): Promise<SeenProcess[]> {
  const words = ["-A", "-E", "-ww", "-o", "pid=,ppid=,stat=,command="];
  const { stdout } = await promisify(execFile)("ps", words, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split("\n").flatMap((line) => {
    const [, id, parentId, state, text] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return text === undefined || state?.startsWith("Z")
      ? []
      : [{ id: Number(id), parentId: Number(parentId), text }];
  });
}

/** A process and all that it started, and those started. */
export async function familyOf(ancestor: number): Promise<SeenProcess[]> {
  const all = await listProcesses();
  const family = all.filter(({ id }) => id === ancestor);
  // Grows while it is walked.
  for (const { id } of family) family.push(...all.filter(({ parentId }) => parentId === id));
  return family;
}

/** Those of `before` that still live, and whatever else of this machine mentions the marker. */
export async function leftOf(before: readonly SeenProcess[], marker: string): Promise<string[]> {
  const known = new Set(before.map(({ id }) => id));
  return (await listProcesses())
    .filter(({ id, text }) => known.has(id) || text.includes(marker))
    .map(({ id, text }) => `${id} ${text.replaceAll("\0", " ").slice(0, 200)}`);
}
