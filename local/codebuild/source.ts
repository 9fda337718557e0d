import { mkdir } from "node:fs/promises";
import type { Clock } from "../asl/clock.ts";
import { startProcess } from "../process.ts";
import type { BuildJob } from "./runner.ts";

/** The source could not be fetched; the build ends in DOWNLOAD_SOURCE. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/** Where to check out, and with what. */
export interface Checkout {
  /** A new folder for the source. */
  readonly folder: string;
  /** Where git may look for settings and find none. */
  readonly home: string;
  readonly path: string;
  readonly signal: AbortSignal;
}

/**
 * Checks out exactly one commit of a source into a new folder.
 * @param sources a source's location → a local git repository that has its commits.
 * @returns the full commit; undefined for a project without source.
 * @throws SourceError if the repository or the commit is not to be had.
 */
export async function checkOut(
  clock: Clock,
  source: BuildJob["source"],
  sources: (location: string) => string | undefined,
  checkout: Checkout,
): Promise<string | undefined> {
  await mkdir(checkout.folder, { recursive: true });
  if (source.type === "NO_SOURCE" || source.location === undefined) return undefined;
  const repository = sources(source.location);
  if (repository === undefined) {
    throw new SourceError(
      `No local git repository stands for ${source.location}; start with one that has its commits.`,
    );
  }
  const version = source.version ?? "HEAD";
  if (!/^\w[\w./-]{0,200}$/.test(version) || version.includes("..")) {
    throw new SourceError(`"${version.slice(0, 80)}" is no commit, branch or tag.`);
  }
  const git = (...words: string[]) => runGit(clock, words, checkout);
  // Shared: the objects stay in the repository, also those that no branch reaches.
  await git("clone", "--quiet", "--shared", "--no-checkout", "--", repository, ".");
  for (const name of [version, `origin/${version.replace(/^refs\/heads\//, "")}`]) {
    const [commit] = await git(
      "rev-parse",
      "--verify",
      "--quiet",
      "--end-of-options",
      `${name}^{commit}`,
    ).catch(() => []);
    if (commit === undefined) continue;
    await git("checkout", "--quiet", "--detach", commit);
    return commit;
  }
  throw new SourceError(
    `${source.location} has no commit ${version} here. Commit it or fetch it, or release another one.`,
  );
}

async function runGit(clock: Clock, words: readonly string[], checkout: Checkout): Promise<string[]> {
  const lines: string[] = [];
  const git = startProcess(clock, {
    command: "git",
    arguments: words,
    folder: checkout.folder,
    environment: {
      PATH: checkout.path,
      HOME: checkout.home,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      // The repository may belong to another user than the one who runs the local AWS.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
    },
    onLine: (line) => lines.push(line),
  });
  const onAbort = () => git.kill("SIGKILL");
  checkout.signal.addEventListener("abort", onAbort, { once: true });
  if (checkout.signal.aborted) onAbort();
  const { code } = await git.exited.catch((error: unknown) => {
    throw new SourceError(error instanceof Error ? error.message : String(error));
  });
  checkout.signal.removeEventListener("abort", onAbort);
  if (code !== 0) throw new SourceError(`git ${words[0]} failed: ${lines.join(" ").slice(0, 500)}`);
  return lines;
}
