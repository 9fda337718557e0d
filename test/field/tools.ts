import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How a command ended: what it printed and its exit code. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether this machine has a program that runs with these words; says on the terminal what is skipped without it. */
export function hasTool(program: string, words: readonly string[], without: string): boolean {
  const { status, error } = spawnSync(program, words, { stdio: "ignore" });
  if (status === 0) return true;
  console.warn(
    `skipped: ${without}; ${program} ${words.join(" ")} ${error ? "is not installed" : "fails here"}`,
  );
  return false;
}

/** Runs a program to its end, with this environment and no other. Gives its exit code, never throws for it. */
export async function runTool(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(program, words, {
      env: { ...environment },
      maxBuffer: 32 * 1024 * 1024,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code, stdout, stderr } = Object.assign({ code: undefined, stdout: "", stderr: "" }, error);
    if (typeof code !== "number") throw error;
    return { code, stdout, stderr };
  }
}
