import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../asl/clock.ts";
import { buildStage, createdText, type Stage } from "./build-stage.ts";
import { type ContextEntry, listContext } from "./context.ts";
import {
  DockerfileError,
  type DockerfileStage,
  findStage,
  type ParsedDockerfile,
  parseDockerfile,
} from "./dockerfile.ts";
import { createLayerCache, type LayerCache, noLayerCache } from "./layer-cache.ts";
import { assembleImage, type BuiltImage } from "./manifest.ts";

export interface BuildOptions {
  /** The folder COPY takes from; its `.dockerignore` is kept to. */
  readonly contextFolder: string;
  /** Relative to the context. */
  readonly dockerfile?: string;
  readonly buildArguments?: Readonly<Record<string, string>>;
  /** Added to, and winning over, those of the Dockerfile. */
  readonly labels?: Readonly<Record<string, string>>;
  /** "linux/amd64" if not given. */
  readonly platform?: string;
  /** The stage to end with; the last one if not given. */
  readonly target?: string;
  /** Takes layers of steps whose input has not changed from earlier builds in the same folder, and keeps new ones. */
  readonly reuseLayers?: boolean;
  /**
   * The time the image and its new layers carry, in seconds since the epoch: the commit's, for a reproducible
   * image. A layer of an earlier build keeps its own.
   */
  readonly createdAtSeconds: number;
  /** Where layers are kept, and stages while they are built. */
  readonly folder: string;
  /** What the commands of RUN get besides the stage's own variables: PATH, HOME, npm's settings. Not kept in the image. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onLine?: (line: string) => void;
}

/**
 * Builds an image from a Dockerfile without a container runtime. The base image is named in the image's labels but
 * its layers are not included, so the result runs where the interpreter of its entrypoint is at hand, and RUN runs
 * this machine's programs (see run-step.ts for which). Throws DockerfileError naming file and line.
 */
export function buildImage(options: BuildOptions): Promise<BuiltImage> {
  return options.clock.busy(build(options));
}

/** A build under way. */
export interface Build extends BuildOptions {
  readonly fileName: string;
  readonly workFolder: string;
  readonly context: readonly ContextEntry[];
  readonly parsed: ParsedDockerfile;
  readonly stages: Stage[];
  readonly platformName: string;
  readonly cache: LayerCache;
}

async function build(options: BuildOptions): Promise<BuiltImage> {
  const fileName = options.dockerfile ?? "Dockerfile";
  const content = await readFile(join(options.contextFolder, fileName), "utf8").catch((cause: unknown) => {
    throw new DockerfileError(`There is no ${fileName} in ${options.contextFolder}.`, { cause });
  });
  await mkdir(options.folder, { recursive: true });
  const workFolder = await mkdtemp(join(options.folder, "build-"));
  try {
    const parsed = parseDockerfile(content, fileName);
    const context = await listContext(options.contextFolder, {
      ignoreFile: join(options.contextFolder, ".dockerignore"),
    });
    const platformName = options.platform ?? "linux/amd64";
    const cache =
      options.reuseLayers === true ? createLayerCache(options.clock, options.folder) : noLayerCache;
    const run: Build = { ...options, fileName, workFolder, context, parsed, stages: [], platformName, cache };
    for (const stage of chooseStages(run)) await buildStage(run, stage);
    const last = run.stages.at(-1);
    if (last === undefined) throw new DockerfileError(`${fileName} has no stage.`);
    await cache.prune();
    return assembleImage({
      ...last,
      platform: platformName,
      created: createdText(run),
      labels: options.labels ?? {},
    });
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** The last stage, or the one asked for, and those it needs, in order. */
function chooseStages({ parsed, target, fileName }: Build): DockerfileStage[] {
  const wanted = target === undefined ? parsed.stages.at(-1) : findStage(parsed.stages, target);
  if (wanted === undefined) throw new DockerfileError(`${fileName} has no stage ${target}.`);
  const needed = new Set<DockerfileStage>();
  const need = (stage: DockerfileStage | undefined) => {
    if (stage === undefined || needed.has(stage)) return;
    needed.add(stage);
    const earlier = parsed.stages.slice(0, parsed.stages.indexOf(stage));
    const names = [stage.base, ...stage.steps.flatMap(({ flags }) => flags.get("from") ?? [])];
    for (const name of names) need(findStage(earlier, name));
  };
  need(wanted);
  return parsed.stages.filter((stage) => needed.has(stage));
}
