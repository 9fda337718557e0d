import { mkdir } from "node:fs/promises";
import type { Clock } from "../asl/clock.ts";
import { startProcess } from "../process.ts";
import type { BuildJob } from "./runner.ts";

/** The source could not be fetched; the build ends in DOWNLOAD_SOURCE. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/**
 * Checks out exactly one commit into `folder`.
 * @returns the full commit; undefined for a project without source.
 * @throws SourceError if the repository or the commit is not to be had.
 */
export async function checkOut(
  clock: Clock,
  source: BuildJob["source"],
  sources: (location: string) => string | undefined,
  folder: string,
  path: string,
): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  if (source.type === "NO_SOURCE" || source.location === undefined) return undefined;
  const repository = sources(source.location);
  if (repository === undefined)
    throw new SourceError(
      `no local repository stands for ${source.location}; start with one that has its commits`,
    );
  const version = source.version ?? "HEAD";
  if (!/^[\w][\w./-]{0,200}$/.test(version))
    throw new SourceError(`"${version.slice(0, 80)}" is no commit, branch or tag`);
  const git = (...words: string[]) => runGit(clock, words, folder, path);
  await git("clone", "--quiet", "--shared", "--no-checkout", "--", repository, ".");
  const found = await git("rev-parse", "--verify", "--quiet", `${version}^{commit}`).catch(() => undefined);
  const [commit] = found ?? [];
  if (commit === undefined)
    throw new SourceError(
      `${source.location} has no commit ${version} here; commit it, or push the image of another`,
    );
  await git("checkout", "--quiet", "--detach", commit);
  return commit;
}

async function runGit(
  clock: Clock,
  words: readonly string[],
  folder: string,
  path: string,
): Promise<string[]> {
  const lines: string[] = [];
  const environment = {
    PATH: path,
    HOME: folder,
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "safe.directory",
    GIT_CONFIG_VALUE_0: "*",
  };
  const git = startProcess(clock, {
    command: "git",
    arguments: words,
    folder,
    environment,
    onLine: (line) => lines.push(line),
  });
  const { code } = await git.exited.catch((error: unknown) => {
    throw new SourceError(error instanceof Error ? error.message : String(error));
  });
  if (code !== 0) throw new SourceError(`git ${words[0]} failed: ${lines.join(" ").slice(0, 500)}`);
  return lines;
}
