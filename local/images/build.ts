import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import type { Clock } from "../asl/clock.ts";
import { type ContextEntry, listContext } from "./context.ts";
import {
  DockerfileError,
  type DockerfileStage,
  type DockerfileStep,
  type ParsedDockerfile,
  parseDockerfile,
} from "./dockerfile.ts";
import { applyToConfig, createStageConfig, type StageConfig } from "./image-config.ts";
import { type ImageLayer, writeLayer } from "./layer.ts";
import { assembleImage, type BuiltImage, type HistoryEntry } from "./manifest.ts";
import { readCommands, runCommand } from "./run-step.ts";
import { createStageFiles, type StageFiles } from "./stage.ts";
import { type LookUp, splitWords } from "./words.ts";

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
  /** The time the image and its files carry, in seconds since the epoch: the commit's, for a reproducible image. */
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

interface Stage {
  readonly config: StageConfig;
  readonly files: StageFiles;
  readonly layers: ImageLayer[];
  readonly history: HistoryEntry[];
  /** The image the first stage of the chain begins with. */
  readonly baseImage: string;
  readonly parsed: DockerfileStage;
}

interface Build extends BuildOptions {
  readonly fileName: string;
  readonly workFolder: string;
  readonly context: readonly ContextEntry[];
  readonly parsed: ParsedDockerfile;
  readonly stages: Stage[];
  readonly platformName: string;
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
    const run: Build = { ...options, fileName, workFolder, context, parsed, stages: [], platformName };
    for (const stage of chooseStages(run)) await buildStage(run, stage);
    const last = run.stages.at(-1);
    if (last === undefined) throw new DockerfileError(`${fileName} has no stage.`);
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

/** The last stage and those it needs, in order. */
function chooseStages({ parsed }: Build): DockerfileStage[] {
  const needed = new Set<DockerfileStage>();
  const need = (stage: DockerfileStage | undefined) => {
    if (stage === undefined || needed.has(stage)) return;
    needed.add(stage);
    const earlier = parsed.stages.slice(0, parsed.stages.indexOf(stage));
    const names = [stage.base, ...stage.steps.flatMap(({ flags }) => flags.get("from") ?? [])];
    for (const name of names) need(findStage(earlier, name));
  };
  need(parsed.stages.at(-1));
  return parsed.stages.filter((stage) => needed.has(stage));
}

/** By name; by number too, as COPY --from=0 allows. */
function findStage(stages: readonly DockerfileStage[], name: string): DockerfileStage | undefined {
  return (
    stages.findLast((stage) => stage.name === name.toLowerCase()) ??
    (/^\d+$/.test(name) ? stages[Number(name)] : undefined)
  );
}

async function buildStage(run: Build, parsed: DockerfileStage): Promise<void> {
  const globals = new Map<string, string>();
  for (const step of run.parsed.globalArguments) {
    atLine(run, step.line, () => declareArgument(run, step, globals, new Map(), (name) => globals.get(name)));
  }
  const lookUpGlobal: LookUp = (name) => globals.get(name);
  const [baseName = ""] = atLine(run, parsed.line, () =>
    splitWords(parsed.base, lookUpGlobal).map(({ text }) => text),
  );
  const earlier = run.parsed.stages.slice(0, run.parsed.stages.indexOf(parsed));
  const parent = run.stages.find((stage) => stage.parsed === findStage(earlier, baseName));
  const stage: Stage = {
    config: createStageConfig(parent?.config),
    files: await createStageFiles(join(run.workFolder, `stage-${run.stages.length}`), parent?.files),
    layers: [...(parent?.layers ?? [])],
    history: [...(parent?.history ?? [])],
    baseImage: parent?.baseImage ?? baseName,
    parsed,
  };
  const buildArguments = new Map<string, string>();
  const lookUp: LookUp = (name) => stage.config.environment.get(name) ?? buildArguments.get(name);
  for (const step of parsed.steps) {
    run.onLine?.(`${run.fileName}:${step.line}: ${step.keyword} ${step.text}`);
    try {
      if (step.keyword === "ARG") declareArgument(run, step, buildArguments, globals, lookUp);
      else await carryOut(run, stage, step, lookUp, buildArguments);
    } catch (error) {
      throw located(run, step.line, error);
    }
  }
  run.stages.push(stage);
}

async function carryOut(
  run: Build,
  stage: Stage,
  step: DockerfileStep,
  lookUp: LookUp,
  buildArguments: ReadonlyMap<string, string>,
): Promise<void> {
  const { config, files } = stage;
  const created_by = `${step.keyword} ${step.text}`;
  switch (step.keyword) {
    case "WORKDIR": {
      const [path = "/"] = splitWords(step.text, lookUp).map(({ text }) => text);
      config.workingFolder = posix.resolve(config.workingFolder, path);
      await files.makeFolder(config.workingFolder);
      break;
    }
    case "COPY":
      await copy(run, stage, step, lookUp);
      return addLayer(run, stage, created_by, readOwner(step.flags.get("chown")));
    case "RUN": {
      const environment = {
        ...run.environment,
        ...Object.fromEntries([...buildArguments, ...config.environment]),
      };
      // The image's own PATH names folders of its base, which is not here.
      environment.PATH = run.environment.PATH ?? "";
      const place = { root: files.root, folder: config.workingFolder, environment };
      for (const command of readCommands(step, lookUp)) {
        await runCommand(run.clock, command, { ...place, onLine: (line) => run.onLine?.(line) });
      }
      return addLayer(run, stage, created_by, readOwner(config.user || undefined));
    }
    default:
      applyToConfig(config, step, lookUp);
  }
  stage.history.push({ created: createdText(run), created_by, empty_layer: true });
}

async function copy(run: Build, stage: Stage, step: DockerfileStep, lookUp: LookUp): Promise<void> {
  const words = step.exec ?? splitWords(step.text, lookUp).map(({ text }) => text);
  const [sources, target] = [words.slice(0, -1), words.at(-1)];
  if (target === undefined || sources.length === 0)
    throw new DockerfileError("COPY needs a source and a target.");
  // Not posix.resolve: the trailing slash says that the target is a folder.
  const place = target.startsWith("/") ? target : `${stage.config.workingFolder}/${target}`;
  const from = step.flags.get("from");
  if (from === undefined) {
    return stage.files.copy({ folder: run.contextFolder, entries: run.context }, sources, place);
  }
  const earlier = run.parsed.stages.slice(0, run.parsed.stages.indexOf(stage.parsed));
  const other = run.stages.find(({ parsed }) => parsed === findStage(earlier, from));
  if (other === undefined) {
    throw new DockerfileError(
      `COPY --from=${from} is no earlier stage; copying out of other images is not supported.`,
    );
  }
  const { root } = other.files;
  return stage.files.copy({ folder: root, entries: await listContext(root) }, sources, place);
}

async function addLayer(
  run: Build,
  stage: Stage,
  created_by: string,
  owner: { uid: number; gid: number },
): Promise<void> {
  const entries = await stage.files.takeChanges();
  const created = createdText(run);
  if (entries.length === 0) {
    stage.history.push({ created, created_by, empty_layer: true });
    return;
  }
  const { createdAtSeconds } = run;
  const folder = join(run.folder, "layers");
  const temporaryName = `${posix.basename(run.workFolder)}-${stage.layers.length}`;
  stage.layers.push(
    await writeLayer({ root: stage.files.root, entries, owner, createdAtSeconds, folder, temporaryName }),
  );
  stage.history.push({ created, created_by });
}

/** Accounts that the official Node and Python images have; any other must be given by number. */
const ACCOUNTS: Readonly<Record<string, number>> = { root: 0, node: 1000, nobody: 65534, nogroup: 65534 };

function readOwner(text: string | undefined): { uid: number; gid: number } {
  const [user = "root", group = user] = (text ?? "root").split(":");
  const toNumber = (name: string) => {
    const number = /^\d+$/.test(name) ? Number(name) : ACCOUNTS[name];
    if (number !== undefined) return number;
    throw new DockerfileError(
      `The number of the account "${name}" is not known here; give the number itself.`,
    );
  };
  return { uid: toNumber(user), gid: toNumber(group) };
}

function declareArgument(
  run: Build,
  step: DockerfileStep,
  into: Map<string, string>,
  globals: ReadonlyMap<string, string>,
  lookUp: LookUp,
): void {
  const [os = "", architecture = ""] = run.platformName.split("/");
  const known: Record<string, string> = {
    TARGETPLATFORM: run.platformName,
    TARGETOS: os,
    TARGETARCH: architecture,
  };
  for (const { text } of splitWords(step.text, lookUp)) {
    const [name = "", ...rest] = text.split("=");
    const value =
      run.buildArguments?.[name] ?? (rest.length > 0 ? rest.join("=") : (globals.get(name) ?? known[name]));
    if (value !== undefined) into.set(name, value);
  }
}

function createdText(run: Build): string {
  return new Date(run.createdAtSeconds * 1_000).toISOString();
}

function atLine<T>(run: Build, line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw located(run, line, error);
  }
}

function located(run: Build, line: number, error: unknown): DockerfileError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DockerfileError(`${run.fileName}:${line}: ${reason}`, { cause: error });
}
