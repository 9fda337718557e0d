import { cp, glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { startProcess } from "../process.ts";
import { arn, uuid, type World } from "../world.ts";
import { type Buildspec, BuildspecError, readBuildspec } from "./buildspec.ts";
import type { BuildJob, BuildOutcome, BuildProgress, BuildRunner, PhaseFailure } from "./runner.ts";
import { phaseMark, script } from "./script.ts";
import { createSecretMask, type SecretMask } from "./secret-mask.ts";
import { checkOut, SourceError } from "./source.ts";

/** What a build has once its source is there. */
interface PreparedBuild {
  readonly spec: Buildspec;
  readonly environment: Readonly<Record<string, string>>;
}

/** Where a build works, all of it removed when it ends. */
interface BuildFolders {
  readonly place: string;
  readonly source: string;
  readonly home: string;
}

/** How long a stopped build may take to end by itself. */
const STOP_MILLISECONDS = 3_000;

/** Runs builds as shells of this machine, each in a folder of its own. */
export function createShellRunner(
  world: World,
  options: {
    /** A source's location → a local git repository that has its commits. */
    readonly sources: (location: string) => string | undefined;
    /** The PATH of the machine; the pinned Node comes before it. */
    readonly path: string;
    /** How this machine reaches its package registry: npm's settings, proxies, certificates. */
    readonly network: Readonly<Record<string, string>>;
    readonly resolveSecret: (reference: string) => string | Promise<string>;
  },
): BuildRunner {
  const { clock } = world;

  async function prepare(
    job: BuildJob,
    folders: BuildFolders,
    progress: BuildProgress,
    mask: SecretMask,
  ): Promise<PreparedBuild> {
    const commit = await checkOut(clock, job.source, options.sources, folders.source, options.path);
    if (commit !== undefined) progress.resolved(commit);
    const inline = job.buildspec.includes("\n");
    const path = resolve(folders.source, job.buildspec);
    if (!inline && !path.startsWith(folders.source + sep))
      throw new BuildspecError(`${job.buildspec} is outside the source`);
    const text = inline ? job.buildspec : await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) throw new BuildspecError(`the source has no file ${job.buildspec}`);
    const spec = readBuildspec(text);
    const secrets: Record<string, string> = {};
    for (const [name, reference] of Object.entries(spec.secrets)) {
      secrets[name] = mask.add(await secretOf(name, reference));
    }
    return { spec, environment: environmentOf(job, spec, folders, secrets, commit) };
  }

  async function secretOf(name: string, reference: string): Promise<string> {
    try {
      return await options.resolveSecret(reference);
    } catch (error) {
      throw new SecretError(name, error);
    }
  }

  function environmentOf(
    job: BuildJob,
    spec: Buildspec,
    { source, home }: BuildFolders,
    secrets: Readonly<Record<string, string>>,
    commit: string | undefined,
  ): Record<string, string> {
    return {
      PATH: [dirname(process.execPath), options.path].join(delimiter),
      HOME: home,
      LANG: "C.UTF-8",
      CI: "true",
      AWS_REGION: world.region,
      AWS_DEFAULT_REGION: world.region,
      AWS_ENDPOINT_URL: world.endpoint(),
      CODEBUILD_BUILD_ID: job.id,
      CODEBUILD_BUILD_ARN: job.arn,
      CODEBUILD_BUILD_IMAGE: job.image ?? "local",
      CODEBUILD_BUILD_NUMBER: String(job.buildNumber),
      CODEBUILD_SRC_DIR: source,
      CODEBUILD_START_TIME: String(job.startedAt),
      CODEBUILD_SOURCE_VERSION: job.source.version ?? "",
      CODEBUILD_RESOLVED_SOURCE_VERSION: commit ?? "",
      ...options.network,
      ...spec.variables,
      ...secrets,
      ...job.variables,
    };
  }

  return {
    run: (job, progress, signal) => clock.busy(run(job, progress, signal)),
  };

  async function run(job: BuildJob, told: BuildProgress, signal: AbortSignal): Promise<BuildOutcome> {
    const place = join(world.folder, "builds", job.id.split(":").at(-1) ?? "");
    const folders = { place, source: join(place, "source"), home: join(place, "home") };
    const mask = createSecretMask();
    const progress: BuildProgress = {
      ...told,
      line: (text) => told.line(mask.apply(text)),
      fail: ({ statusCode, message }) => told.fail({ statusCode, message: mask.apply(message) }),
    };
    await mkdir(folders.home, { recursive: true });
    try {
      progress.enter("DOWNLOAD_SOURCE");
      const prepared = await prepare(job, folders, progress, mask).catch((error: unknown) => {
        progress.fail(sourceFailure(error));
      });
      if (prepared === undefined) return { status: "FAILED", exportedVariables: [] };
      const { cachePaths } = prepared.spec;
      const cache = join(world.folder, "cache", "projects", job.project);
      await copyMatches(cachePaths, cache, folders.source);
      const ended = await runPhases(prepared, folders, progress, signal);
      if (ended.status === "STOPPED") return ended;
      if (ended.status === "SUCCEEDED") await copyMatches(cachePaths, folders.source, cache);
      progress.enter("UPLOAD_ARTIFACTS");
      return { ...ended, ...(await keepFiles(job, prepared.spec, folders.source)) };
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }

  /** One shell runs every phase, so that variables and folders last; marks in its output tell where it is. */
  async function runPhases(
    { spec, environment }: PreparedBuild,
    { place, source }: BuildFolders,
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<BuildOutcome> {
    const mark = `${uuid(world.random)}#`;
    const file = join(place, "build.sh");
    await writeFile(file, script(spec, mark));
    let isOpen = false;
    let hasFailed = false;
    const exportedVariables: { name: string; value: string }[] = [];
    const fail = (message: string) => {
      hasFailed = true;
      progress.fail({ statusCode: "COMMAND_EXECUTION_ERROR", message });
    };
    const onLine = (line: string) => {
      const told = phaseMark(line, mark);
      if (told === undefined) return progress.line(withoutEscapes(line));
      if (told.kind === "export") return void exportedVariables.push({ name: told.name, value: told.value });
      isOpen = told.kind === "begin";
      if (told.kind === "begin") return progress.enter(told.phase);
      if (told.exitStatus !== 0)
        fail(`Error while executing command: ${told.command}. Reason: exit status ${told.exitStatus}`);
    };
    const shell = startProcess(clock, {
      command: spec.shell,
      arguments: [file],
      folder: source,
      environment,
      onLine,
    });
    const onAbort = () => void shell.stop(STOP_MILLISECONDS);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const ended = await shell.exited.finally(() => signal.removeEventListener("abort", onAbort));
    shell.kill("SIGKILL");
    if (signal.aborted) return { status: "STOPPED", exportedVariables };
    // A command such as `exit 3` ends the shell itself, and the phase with it.
    if (isOpen)
      fail(`The shell ended within the phase. Reason: ${ended.signal ?? `exit status ${ended.code}`}`);
    return { status: hasFailed || ended.code !== 0 ? "FAILED" : "SUCCEEDED", exportedVariables };
  }

  /** Reports and artifacts outlive the build's folder. */
  async function keepFiles(job: BuildJob, spec: Buildspec, source: string) {
    const kept = join(world.folder, "artifacts", ...job.id.split(":"));
    const keep = async (name: string, { files, folder }: { files: readonly string[]; folder: string }) => {
      const from = resolve(source, folder);
      if (from !== source && !from.startsWith(source + sep)) return;
      await copyMatches(files, from, join(kept, name.replace(/[^\w.-]/g, "_")));
    };
    const reportArns: string[] = [];
    for (const [name, report] of Object.entries(spec.reports)) {
      await keep(name, report);
      reportArns.push(arn(world, "codebuild", `report/${job.project}-${name}:${uuid(world.random)}`));
    }
    if (spec.artifacts === undefined) return { reportArns };
    await keep("artifacts", spec.artifacts);
    return { reportArns, artifactsLocation: join(kept, "artifacts") };
  }
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
function sourceFailure(error: unknown): PhaseFailure {
  if (error instanceof BuildspecError) return { statusCode: "YAML_FILE_ERROR", message: error.message };
  if (error instanceof SourceError) return { statusCode: "GIT_CLONE_FAILED", message: error.message };
  if (error instanceof SecretError) return { statusCode: "CLIENT_ERROR", message: error.message };
  throw error;
}

/** Copies what the patterns match from one folder to the other, and nothing from outside it. */
async function copyMatches(patterns: readonly string[], from: string, to: string): Promise<void> {
  for (const pattern of patterns)
    for await (const match of glob(pattern.replace(/\/\*\*\/\*$/, ""), { cwd: from })) {
      const source = resolve(from, match);
      if (!source.startsWith(from + sep)) continue;
      await cp(source, join(to, match), { recursive: true, verbatimSymlinks: true });
    }
}

/** Logs are shown in terminals; what builds print must not steer them: colours go, control characters go. */
function withoutEscapes(line: string): string {
  return [...stripVTControlCharacters(line)]
    .filter((character) => character === "\t" || !/\p{Cc}/u.test(character))
    .join("");
}
