import type { Clock } from "../local/asl/clock.ts";
import { startProcess } from "../local/process.ts";

/** A git command failed; the message has what git said. */
export class GitError extends Error {
  override readonly name = "GitError";
}

/**
 * Runs git as the user would, with the user's own settings. It ends when we do.
 * @returns what it printed, without the last line break.
 * @throws GitError, or ProcessStartError if git is not installed.
 */
export async function runGit(clock: Clock, ...words: readonly string[]): Promise<string> {
  const lines: Record<"stdout" | "stderr", string[]> = { stdout: [], stderr: [] };
  const { exited } = startProcess(clock, {
    command: "git",
    arguments: words,
    folder: process.cwd(),
    environment: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    onLine: (line, stream) => lines[stream].push(line),
  });
  const { code, signal } = await exited;
  if (code !== 0) throw new GitError(`git ended with ${code ?? signal}: ${lines.stderr.join(" ")}`);
  return lines.stdout.join("\n");
}
