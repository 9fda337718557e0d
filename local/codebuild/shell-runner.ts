import { cp, glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { startProcess } from "../process.ts";
import type { World } from "../world.ts";
import { type Buildspec, BuildspecError, readBuildspec } from "./buildspec.ts";
import type { BuildJob, BuildOutcome, BuildProgress, BuildRunner, PhaseOutcome } from "./runner.ts";
import { phaseMark, script } from "./script.ts";
import { checkOut, SourceError } from "./source.ts";

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
    readonly resolveSecret: (reference: string) => string;
  },
): BuildRunner {
  const { clock } = world;

  async function prepare(
    job: BuildJob,
    folder: string,
  ): Promise<{ spec: Buildspec; commit: string | undefined }> {
    const commit = await checkOut(clock, job.source, options.sources, folder, options.path);
    const inline = job.buildspec.includes("\n");
    const path = resolve(folder, job.buildspec);
    if (!inline && !path.startsWith(folder + sep))
      throw new BuildspecError(`${job.buildspec} is outside the source`);
    const text = inline ? job.buildspec : await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) throw new BuildspecError(`the source has no file ${job.buildspec}`);
    return { spec: readBuildspec(text), commit };
  }

  function environmentOf(
    job: BuildJob,
    spec: Buildspec,
    folder: string,
    home: string,
    commit: string | undefined,
  ): Record<string, string> {
    const secrets = Object.entries(spec.secrets).map(([name, reference]) => [
      name,
      options.resolveSecret(reference),
    ]);
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
      CODEBUILD_BUILD_IMAGE: "local",
      CODEBUILD_SRC_DIR: folder,
      CODEBUILD_START_TIME: String(clock.now()),
      CODEBUILD_SOURCE_VERSION: job.source.version ?? "",
      CODEBUILD_RESOLVED_SOURCE_VERSION: commit ?? "",
      ...options.network,
      ...spec.variables,
      ...Object.fromEntries(secrets),
      ...job.variables,
    };
  }

  return {
    run: (job, progress, signal) => clock.busy(run(job, progress, signal)),
  };

  async function run(job: BuildJob, progress: BuildProgress, signal: AbortSignal): Promise<BuildOutcome> {
    const place = join(world.folder, "builds", job.id.split(":").at(-1) ?? "");
    const [folder, home] = [join(place, "source"), join(place, "home")];
    await mkdir(home, { recursive: true });
    try {
      const began = clock.now();
      const prepared = await prepare(job, folder).catch((error: unknown) => {
        if (!(error instanceof BuildspecError || error instanceof SourceError)) throw error;
        const statusCode = error instanceof BuildspecError ? "YAML_FILE_ERROR" : "GIT_CLONE_FAILED";
        progress.phase({
          phase: "DOWNLOAD_SOURCE",
          status: "FAILED",
          startedAt: began,
          endedAt: clock.now(),
          context: { statusCode, message: error.message },
        });
      });
      if (prepared === undefined) return { status: "FAILED", exportedVariables: [] };
      progress.phase({
        phase: "DOWNLOAD_SOURCE",
        status: "SUCCEEDED",
        startedAt: began,
        endedAt: clock.now(),
      });
      const { spec, commit } = prepared;
      const cache = join(world.folder, "cache", "projects", job.project);
      await copyMatches(spec.cachePaths, cache, folder);
      const ended = await runPhases(job, spec, { folder, home, place, commit }, progress, signal);
      if (ended.status === "SUCCEEDED") await copyMatches(spec.cachePaths, folder, cache);
      await keepFiles(job, spec, folder, progress);
      return { ...ended, ...(commit === undefined ? {} : { resolvedSourceVersion: commit }) };
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }

  /** One shell runs every phase, so that variables and folders last; marks in its output tell where it is. */
  async function runPhases(
    job: BuildJob,
    spec: Buildspec,
    {
      folder,
      home,
      place,
      commit,
    }: { folder: string; home: string; place: string; commit: string | undefined },
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<BuildOutcome> {
    const mark = `${job.id}#`;
    const file = join(place, "build.sh");
    await writeFile(file, script(spec, mark));
    let startedAt = clock.now();
    let open: PhaseOutcome["phase"] | undefined;
    let failed = false;
    const exportedVariables: { name: string; value: string }[] = [];
    const onLine = (line: string) => {
      const told = phaseMark(line, mark);
      if (told === undefined) return progress.line(withoutEscapes(line));
      if (told.kind === "export") return void exportedVariables.push({ name: told.name, value: told.value });
      if (told.kind === "begin") {
        [open, startedAt] = [told.phase, clock.now()];
        return;
      }
      const ok = told.exitStatus === 0;
      failed ||= !ok;
      open = undefined;
      progress.phase({
        phase: told.phase,
        status: ok ? "SUCCEEDED" : "FAILED",
        startedAt,
        endedAt: clock.now(),
        ...(ok
          ? {}
          : {
              context: {
                statusCode: "COMMAND_EXECUTION_ERROR",
                message: `Error while executing command: ${told.command}. Reason: exit status ${told.exitStatus}`,
              },
            }),
      });
    };
    const shell = startProcess(clock, {
      command: spec.shell,
      arguments: [file],
      folder,
      environment: environmentOf(job, spec, folder, home, commit),
      onLine,
    });
    const onAbort = () => void shell.stop(3_000);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const { code } = await shell.exited;
    signal.removeEventListener("abort", onAbort);
    shell.kill("SIGKILL");
    if (open !== undefined)
      progress.phase({
        phase: open,
        status: signal.aborted ? "STOPPED" : "FAILED",
        startedAt,
        endedAt: clock.now(),
      });
    if (signal.aborted) return { status: "STOPPED", exportedVariables };
    return { status: failed || code !== 0 ? "FAILED" : "SUCCEEDED", exportedVariables };
  }

  /** Reports and artifacts outlive the build's folder. */
  async function keepFiles(
    job: BuildJob,
    spec: Buildspec,
    folder: string,
    progress: BuildProgress,
  ): Promise<void> {
    const kept = join(world.folder, "artifacts", ...job.id.split(":"));
    const sets = [
      ...Object.entries(spec.reports),
      ...(spec.artifacts === undefined ? [] : [["artifacts", spec.artifacts] as const]),
    ];
    const startedAt = clock.now();
    for (const [name, { files, folder: base }] of sets) {
      const from = resolve(folder, base);
      if (from === folder || from.startsWith(folder + sep))
        await copyMatches(files, from, join(kept, name.replace(/[^\w.-]/g, "_")));
    }
    progress.phase({ phase: "UPLOAD_ARTIFACTS", status: "SUCCEEDED", startedAt, endedAt: clock.now() });
  }
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
