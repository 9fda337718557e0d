import { cp, mkdir, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { Connection } from "../aws/connection.ts";
import { registryCredentials } from "../aws/ecr.ts";
import { type Clock, sleep } from "../local/asl/clock.ts";
import { buildImage } from "../local/images/build.ts";
import { pushImage } from "../local/images/push.ts";
import { inRepository, runGit } from "./git.ts";

/** A commit of the example, ready to be built. */
export interface Commit {
  readonly id: string;
  /** When it was committed, in seconds since the epoch: the order of builds. */
  readonly seconds: number;
}

/** The example's source: a clone of this repository, so that what is released is a commit and not a work tree. */
export interface ExampleSource {
  readonly folder: string;
  readonly head: Commit;
  /** Commits the example with a scenario's files laid over it. */
  commitScenario(name: string): Promise<Commit>;
  /** Commits the example as it is at `head`, whatever was committed since. */
  commitHealthy(): Promise<Commit>;
}

/** The source could not be cloned. */
export class ExampleError extends Error {
  override readonly name = "ExampleError";
}

/**
 * Clones the repository at `root` into `folder`, at its current commit. A clone of an earlier start is brought there,
 * and keeps all commits that it has: releases that are open need theirs.
 */
export async function cloneExample(clock: Clock, root: string, folder: string): Promise<ExampleSource> {
  await mkdir(dirname(folder), { recursive: true });
  try {
    await cloneOrFetch(clock, root, folder);
  } catch (error) {
    throw new ExampleError(
      `The example is released from a commit, so ${root} must be a git clone with at least one; clone Spillway with git. ${error instanceof Error ? error.message : error}`,
    );
  }
  const git = (...words: string[]) => runGit(clock, ...inRepository(folder), ...words);
  const describe = async (): Promise<Commit> => ({
    id: await git("rev-parse", "HEAD"),
    seconds: Number(await git("show", "-s", "--format=%ct", "HEAD")),
  });
  const head = await describe();
  let last = head.seconds;
  const commit = async (message: string): Promise<Commit> => {
    // Git keeps whole seconds, and builds are ordered by them.
    await sleep(clock, Math.max(0, (last + 1) * 1000 - clock.now()));
    await git("add", "--all");
    await git(...author, "commit", "--quiet", "--allow-empty", "--message", message);
    const made = await describe();
    last = made.seconds;
    return made;
  };
  const restore = () => git("read-tree", "-u", "--reset", head.id);
  return {
    folder,
    head,
    async commitScenario(name) {
      await restore();
      const example = join(folder, "examples/web");
      await cp(join(example, "scenarios", name), example, { recursive: true });
      return commit(`Scenario: ${name}`);
    },
    async commitHealthy() {
      await restore();
      return commit("The example as it was");
    },
  };
}

async function cloneOrFetch(clock: Clock, root: string, folder: string): Promise<void> {
  const isThere = await runGit(clock, ...inRepository(folder), "rev-parse", "--verify", "HEAD").then(
    () => true,
    () => false,
  );
  if (!isThere) {
    // Whatever a kill left of a clone is no repository.
    await rm(folder, { recursive: true, force: true });
    await runGit(clock, "clone", "--quiet", "--no-hardlinks", "--", root, folder);
    return;
  }
  await rm(join(folder, ".git", "index.lock"), { force: true });
  await runGit(clock, ...inRepository(folder), "fetch", "--quiet", "--no-auto-gc", "--", root, "HEAD");
  await runGit(clock, ...inRepository(folder), "reset", "--quiet", "--hard", "FETCH_HEAD");
  await runGit(clock, ...inRepository(folder), "clean", "--quiet", "-ffdx");
}

const author = ["-c", "user.name=Spillway", "-c", "user.email=spillway@example.com"];

/** Builds the migration image and the application's image of a commit and pushes them, the application's last: its push starts the release. */
export async function releaseImages(
  clock: Clock,
  source: ExampleSource,
  commit: Commit,
  options: {
    readonly registry: string;
    readonly connection: Connection;
    readonly folder: string;
    readonly network: Readonly<Record<string, string>>;
    readonly onLine: (line: string) => void;
  },
): Promise<{ tag: string; digest: string }> {
  const tag = commit.id.slice(0, 7);
  const images = [
    { dockerfile: "Dockerfile.migrate", repository: "web-migrate" },
    { dockerfile: "Dockerfile", repository: "web" },
  ];
  const built = [];
  for (const { dockerfile, repository } of images) {
    const image = await buildImage({
      contextFolder: join(source.folder, "examples/web"),
      dockerfile,
      buildArguments: { COMMIT: commit.id, SEQUENCE: String(commit.seconds) },
      createdAtSeconds: commit.seconds,
      folder: join(options.folder, "image-builds"),
      reuseLayers: true,
      environment: {
        PATH: [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter),
        HOME: options.folder,
        ...options.network,
      },
      clock,
      onLine: options.onLine,
    });
    built.push({ repository, image });
  }
  const credentials = await registryCredentials(options.connection);
  let digest = "";
  for (const { repository, image } of built)
    ({ digest } = await pushImage(clock, image, {
      registry: options.registry,
      repository,
      tag,
      credentials,
    }));
  return { tag, digest };
}
