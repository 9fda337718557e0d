import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Surroundings } from "./surroundings.ts";

/** The folder of our own programs, which stand before those of the machine. */
export const ownPrograms = join(import.meta.dirname, "bin");

/** The machine's own program of that name, which ours stands before. */
export async function findProgram(
  name: string,
  { environment }: Pick<Surroundings, "environment">,
): Promise<string | undefined> {
  for (const folder of (environment.PATH ?? "").split(delimiter)) {
    if (folder === "" || folder === ownPrograms) continue;
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

/** Runs a program in our place: it has our input, output and environment. @returns its exit status. */
export async function runInstead(
  program: string,
  words: readonly string[],
  { folder }: Pick<Surroundings, "folder">,
): Promise<number> {
  const child = spawn(program, [...words], { cwd: folder, stdio: "inherit" });
  const [code] = await once(child, "close");
  return typeof code === "number" ? code : 1;
}

const LONGEST_QUESTION_MILLISECONDS = 10_000;

/** Asks a program something. @returns what it printed; undefined if it failed. */
export async function ask(program: string, words: readonly string[]): Promise<string | undefined> {
  const child = spawn(program, [...words], {
    stdio: ["ignore", "pipe", "ignore"],
    timeout: LONGEST_QUESTION_MILLISECONDS,
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const ended = await once(child, "close").catch(() => [1]);
  return ended[0] === 0 ? printed.trim() : undefined;
}
