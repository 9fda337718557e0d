import { mkdir, readFile, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { arn, uuid, type World } from "../world.ts";
import { type Buildspec, BuildspecError, readBuildspec } from "./buildspec.ts";
import { createBuildCache, readCachePaths } from "./cache.ts";
import { copyMatching, isInside } from "./file-patterns.ts";
import { runPhases } from "./phases.ts";
import type { BuildJob, BuildOutcome, BuildProgress, BuildRunner, PhaseFailure } from "./runner.ts";
import { createSecretMask } from "./secret-mask.ts";
import { createShellSession } from "./shell-session.ts";
import { checkOut, SourceError } from "./source.ts";

/** What a runner of builds needs of the machine. */
export interface ShellRunnerOptions {
  /** A source's location → a local git repository that has its commits. */
  readonly sources: (location: string) => string | undefined;
  /** The PATH of the machine; the Node that runs the local AWS comes before it. */
  readonly path: string;
  /** How this machine reaches its package registry: npm's settings, proxies, certificates. */
  readonly network: Readonly<Record<string, string>>;
  readonly resolveSecret: (reference: string) => string | Promise<string>;
}

/** The folders of one build. They are gone when it has ended. */
interface Place {
  readonly all: string;
  readonly source: string;
  readonly home: string;
  readonly temporary: string;
}

/** How long what runs may take to end after SIGTERM, when a build is stopped. */
const STOP_GRACE_MILLISECONDS = 3_000;

/**
 * Runs builds as shells of this machine, each in folders of its own: a fresh checkout, an empty home, and only the
 * environment that CodeBuild, the project and the buildspec give. There is no container and no isolation.
 */
export function createShellRunner(world: World, options: ShellRunnerOptions): BuildRunner {
  const { clock } = world;
  const cache = createBuildCache(join(world.folder, "cache"));

  async function run(job: BuildJob, progress: BuildProgress, signal: AbortSignal): Promise<BuildOutcome> {
    const all = join(world.folder, "builds", job.id.slice(job.id.lastIndexOf(":") + 1));
    const place = { all, source: join(all, "source"), home: join(all, "home"), temporary: join(all, "tmp") };
    for (const folder of [place.home, place.temporary]) await mkdir(folder, { recursive: true });
    try {
      return await runIn(place, job, progress, signal);
    } finally {
      // Nobody waits for it: thousands of small files take longer to delete than some builds to run.
      void rm(all, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    }
  }

  async function runIn(
    place: Place,
    job: BuildJob,
    told: BuildProgress,
    signal: AbortSignal,
  ): Promise<BuildOutcome> {
    const mask = createSecretMask();
    const progress: BuildProgress = {
      ...told,
      line: (text) => told.line(mask.apply(text)),
      note: (text) => told.note(mask.apply(text)),
      fail: ({ statusCode, message }) => told.fail({ statusCode, message: mask.apply(message) }),
    };
    progress.enter("DOWNLOAD_SOURCE");
    const prepared = await prepare(place, job, progress, signal, mask.add).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      progress.fail(describeFailure(error));
      return undefined;
    });
    if (prepared === undefined)
      return { status: signal.aborted ? "STOPPED" : "FAILED", exportedVariables: [] };
    const { spec, environment } = prepared;
    const { kept, refused } = readCachePaths(spec.cachePaths, place);
    for (const path of refused) progress.note(`Not cached, because it is outside of the build: ${path}`);
    const restored = await cache.restore(job.project, kept);
    if (restored > 0) progress.note(`Restored ${restored} files from the cache`);

    const session = createShellSession(clock, {
      shell: spec.shell,
      folder: place.source,
      scratch: place.all,
      environment,
      onLine: progress.line,
    });
    const onAbort = () => void session.stop(STOP_GRACE_MILLISECONDS);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const ended = await runPhases(spec, session, progress, {
        exportsFile: join(place.all, "exports"),
        signal,
      });
      await session.stop(0);
      if (signal.aborted) return { status: "STOPPED", exportedVariables: [] };
      if (!ended.reachedBuild) return { status: "FAILED", exportedVariables: ended.exportedVariables };
      progress.enter("UPLOAD_ARTIFACTS");
      const outputs = await keepFiles(place, job, spec, progress);
      if (!ended.failed) await cache.save(job.project, kept);
      const status = ended.failed ? "FAILED" : "SUCCEEDED";
      return { status, exportedVariables: ended.exportedVariables, ...outputs };
    } finally {
      signal.removeEventListener("abort", onAbort);
      await session.stop(0);
    }
  }

  /** Fetches the source, reads the buildspec and resolves its secrets. */
  async function prepare(
    place: Place,
    job: BuildJob,
    progress: BuildProgress,
    signal: AbortSignal,
    hide: (secret: string) => string,
  ): Promise<{ spec: Buildspec; environment: Record<string, string> }> {
    const { path } = options;
    const commit = await checkOut(clock, job.source, options.sources, {
      folder: place.source,
      home: place.home,
      path,
      signal,
    });
    signal.throwIfAborted();
    if (commit !== undefined) progress.resolved(commit);
    const spec = readBuildspec(await buildspecText(place.source, job.buildspec));
    for (const what of spec.ignored) progress.note(`Ignored: ${what}`);
    const secrets: Record<string, string> = {};
    for (const [name, reference] of Object.entries(spec.secrets)) {
      secrets[name] = hide(await secretOf(name, reference));
    }
    const environment = {
      ...options.network,
      ...platformVariables(place, job, commit),
      ...spec.variables,
      ...secrets,
      ...job.variables,
    };
    return { spec, environment };
  }

  async function secretOf(name: string, reference: string): Promise<string> {
    try {
      return await options.resolveSecret(reference);
    } catch (error) {
      throw new SecretError(name, error);
    }
  }

  /** What CodeBuild itself gives a build (AWS documentation, "Environment variables in build environments"). */
  function platformVariables(
    place: Place,
    job: BuildJob,
    commit: string | undefined,
  ): Record<string, string> {
    return {
      PATH: [dirname(process.execPath), options.path].join(delimiter),
      HOME: place.home,
      TMPDIR: place.temporary,
      LANG: "C.UTF-8",
      CI: "true",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_REGION: world.region,
      AWS_DEFAULT_REGION: world.region,
      AWS_ENDPOINT_URL: world.endpoint(),
      CODEBUILD_BUILD_ARN: job.arn,
      CODEBUILD_BUILD_ID: job.id,
      CODEBUILD_BUILD_IMAGE: job.image ?? "",
      CODEBUILD_BUILD_NUMBER: String(job.buildNumber),
      CODEBUILD_BUILD_SUCCEEDING: "1",
      CODEBUILD_INITIATOR: "local",
      CODEBUILD_RESOLVED_SOURCE_VERSION: commit ?? "",
      CODEBUILD_SOURCE_REPO_URL: job.source.location ?? "",
      CODEBUILD_SOURCE_VERSION: job.source.version ?? "",
      CODEBUILD_SRC_DIR: place.source,
      CODEBUILD_START_TIME: String(job.startedAt),
    };
  }

  /** Reports and artifacts outlive the build's folders. */
  async function keepFiles(
    place: Place,
    job: BuildJob,
    spec: Buildspec,
    progress: BuildProgress,
  ): Promise<Pick<BuildOutcome, "reportArns" | "artifactsLocation">> {
    const kept = join(world.folder, "artifacts", ...job.id.split(":"));
    const keep = async (what: string, files: NonNullable<Buildspec["artifacts"]>, to: string) => {
      const from = join(place.source, files.folder);
      const isOurs = await isInside(place.source, from);
      const count = isOurs ? await copyMatching(files.patterns, from, to, files) : 0;
      progress.note(count > 0 ? `Kept ${count} files of ${what}` : `No files of ${what} were found`);
      return count > 0;
    };
    const reportArns: string[] = [];
    for (const [name, files] of Object.entries(spec.reports)) {
      const group = `${job.project}-${name.replace(/[^\w-]/g, "_")}`;
      if (await keep(`report ${name}`, files, join(kept, "reports", group))) {
        reportArns.push(arn(world, "codebuild", `report/${group}:${uuid(world.random)}`));
      }
    }
    const hasArtifacts =
      spec.artifacts !== undefined && (await keep("artifacts", spec.artifacts, join(kept, "artifacts")));
    return { reportArns, ...(hasArtifacts ? { artifactsLocation: join(kept, "artifacts") } : {}) };
  }

  return { run: (job, progress, signal) => clock.busy(run(job, progress, signal), `the build ${job.id}`) };
}

/** The buildspec is given inline when it has several lines, else by its path in the source. */
async function buildspecText(source: string, buildspec: string): Promise<string> {
  if (buildspec.includes("\n")) return buildspec;
  const path = join(source, buildspec);
  if (!(await isInside(source, dirname(path)))) {
    throw new BuildspecError(`${buildspec}: there is no such folder in the source`);
  }
  return readFile(path, "utf8").catch(() => {
    throw new BuildspecError(`${buildspec}: the source has no such file`);
  });
}

/** A secret that the buildspec names is not to be had; the build ends in DOWNLOAD_SOURCE. */
class SecretError extends Error {
  override readonly name = "SecretError";
  constructor(variable: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`env.secrets-manager.${variable}: ${reason}`, { cause });
  }
}

/** Why the source could not be had, as CodeBuild says it. @throws what is not the build's own failure. */
function describeFailure(error: unknown): PhaseFailure {
  if (error instanceof BuildspecError) return { statusCode: "YAML_FILE_ERROR", message: error.message };
  if (error instanceof SourceError) return { statusCode: "GIT_CLONE_FAILED", message: error.message };
  if (error instanceof SecretError) return { statusCode: "CLIENT_ERROR", message: error.message };
  throw error;
}
