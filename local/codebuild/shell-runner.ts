import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RoleSession } from "../iam/index.ts";
import { AwsError } from "../service.ts";
import { keptFolder } from "../store.ts";
import type { World } from "../world.ts";
import { ArtifactsError, authorizeArtifacts, type KeptArtifacts } from "./artifacts.ts";
import { platformVariables } from "./build-environment.ts";
import { type Buildspec, readBuildspec } from "./buildspec.ts";
import { createBuildCache } from "./cache.ts";
import { createCacheSteps } from "./cache-steps.ts";
import { prepareImages } from "./docker/image-folder.ts";
import { isInside } from "./file-patterns.ts";
import { keepNamedArtifacts, readNamedReports } from "./outputs.ts";
import { runPhases } from "./phases.ts";
import type { BuildJob, BuildOutcome, BuildProgress, BuildRunner, PhaseFailure } from "./runner.ts";
import { createShellSession } from "./shell-session.ts";
import { checkOut, SourceError } from "./source.ts";
import { BuildspecError } from "./yaml-shape.ts";

/** What a runner of builds needs of the machine. */
export interface ShellRunnerOptions {
  /** A source's location → a local git repository that has its commits. */
  readonly sources: (location: string) => string | undefined;
  /** The PATH of the machine; the Node that runs the local AWS comes before it. */
  readonly path: string;
  /** How this machine reaches its package registry: npm's settings, proxies, certificates. */
  readonly network: Readonly<Record<string, string>>;
  readonly resolveSecret: (reference: string, as: RoleSession) => string | Promise<string>;
}

/** The folders of one build. They are gone when it has ended. */
export interface BuildFolders {
  readonly all: string;
  readonly source: string;
  readonly home: string;
  readonly temporary: string;
  /** What `docker` of this build keeps. */
  readonly images: string;
}

/** How long what runs may take to end after SIGTERM, when a build is stopped. */
const STOP_GRACE_MILLISECONDS = 3_000;

/**
 * Runs builds as shells of this machine, each in folders of its own: a fresh checkout, an empty home, and only the
 * environment that CodeBuild, the project and the buildspec give. There is no container and no isolation.
 */
export function createShellRunner(world: World, options: ShellRunnerOptions): BuildRunner {
  const { clock } = world;
  const caches = join(world.folder, "cache");
  const cacheSteps = createCacheSteps(createBuildCache(clock, caches));

  async function run(job: BuildJob, progress: BuildProgress, signal: AbortSignal): Promise<BuildOutcome> {
    const all = join(world.folder, "builds", job.id.slice(job.id.lastIndexOf(":") + 1));
    const place = {
      all,
      source: join(all, "source"),
      home: join(all, "home"),
      temporary: join(all, "tmp"),
      images: join(all, "images"),
    };
    for (const folder of [place.home, place.temporary]) await mkdir(folder, { recursive: true });
    try {
      return await runIn(place, job, progress, signal);
    } finally {
      // Nobody waits for it: thousands of small files take longer to delete than some builds to run.
      void rm(all, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    }
  }

  async function runIn(
    place: BuildFolders,
    job: BuildJob,
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<BuildOutcome> {
    progress.enter("DOWNLOAD_SOURCE");
    const prepared = await prepare(place, job, progress, signal).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      progress.fail(describeFailure(error));
      return undefined;
    });
    if (prepared === undefined)
      return { status: signal.aborted ? "STOPPED" : "FAILED", exportedVariables: [] };
    const { spec, environment } = prepared;
    const cached = await cacheSteps.restore(job, spec.cachePaths, place, progress.note);
    await prepareImages(place.images, {
      layers: job.cache.dockerLayers ? join(caches, job.project, "docker") : undefined,
      network: options.network,
    });
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
      const reports = await readNamedReports(place.source, spec.reports, progress.note);
      const artifacts = await keepArtifacts(place, spec, job, progress).catch((error: unknown) => {
        progress.fail(describeFailure(error));
        return undefined;
      });
      const failed = ended.failed || artifacts === undefined;
      if (!failed) await cached.save();
      return {
        status: failed ? "FAILED" : "SUCCEEDED",
        exportedVariables: ended.exportedVariables,
        reports,
        artifacts: artifacts ?? [],
      };
    } finally {
      signal.removeEventListener("abort", onAbort);
      await session.stop(0);
    }
  }

  async function keepArtifacts(
    place: BuildFolders,
    spec: Buildspec,
    job: BuildJob,
    { note }: BuildProgress,
  ): Promise<readonly KeptArtifacts[]> {
    authorizeArtifacts(world, job);
    const buckets = join(keptFolder(world), "buckets");
    return keepNamedArtifacts(place.source, spec, job.artifacts, { buckets, note });
  }

  /** Fetches the source, reads the buildspec and resolves its secrets. */
  async function prepare(
    place: BuildFolders,
    job: BuildJob,
    progress: BuildProgress,
    signal: AbortSignal,
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
      secrets[name] = job.mask.add(await secretOf(name, reference, job.as));
    }
    const environment = {
      ...options.network,
      ...platformVariables(world, path, place, job, commit),
      ...spec.variables,
      ...secrets,
      ...job.variables,
    };
    return { spec, environment };
  }

  async function secretOf(name: string, reference: string, as: RoleSession): Promise<string> {
    try {
      return await options.resolveSecret(reference, as);
    } catch (error) {
      throw new SecretError(name, error);
    }
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

/** Why the source could not be had or the artifacts not be kept, as CodeBuild says it. @throws what is not the build's own failure. */
function describeFailure(error: unknown): PhaseFailure {
  if (error instanceof BuildspecError) return { statusCode: "YAML_FILE_ERROR", message: error.message };
  if (error instanceof SourceError) return { statusCode: "GIT_CLONE_FAILED", message: error.message };
  if (error instanceof ArtifactsError) return { statusCode: "CLIENT_ERROR", message: error.message };
  if (error instanceof AwsError) return { statusCode: "CLIENT_ERROR", message: error.message };
  if (error instanceof SecretError) return { statusCode: "CLIENT_ERROR", message: error.message };
  throw error;
}
