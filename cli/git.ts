import type { Clock } from "../local/asl/clock.ts";
import { startProcess } from "../local/process.ts";

/** A git command failed; the message has what git said. */
export class GitError extends Error {
  override readonly name = "GitError";
}

/** By these git would leave the repository that it was told to work in; hooks and other tools of git set them. */
const locations = [
  "GIT_COMMON_DIR",
  "GIT_DIR",
  "GIT_INDEX_FILE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_WORK_TREE",
];

/**
 * The words that make git work on the repository at `folder` and on no other: without them it would look in the
 * folders above for one, and find the user's own.
 */
export function inRepository(folder: string): readonly string[] {
  return ["-C", folder, "--git-dir=.git", "--work-tree=."];
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
      Object.entries(process.env).flatMap(([name, value]) =>
        value === undefined || locations.includes(name) ? [] : [[name, value]],
      ),
    ),
    onLine: (line, stream) => lines[stream].push(line),
  });
  const { code, signal } = await exited;
  if (code !== 0) throw new GitError(`git ended with ${code ?? signal}: ${lines.stderr.join(" ")}`);
  return lines.stdout.join("\n");
}
