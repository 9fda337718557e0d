import { join, posix } from "node:path";
import { readOwner } from "./accounts.ts";
import { applyLayer } from "./apply-layer.ts";
import type { Build } from "./build.ts";
import { hashEntries, listContext } from "./context.ts";
import { DockerfileError, type DockerfileStage, type DockerfileStep, findStage } from "./dockerfile.ts";
import { applyToConfig, createStageConfig, type StageConfig } from "./image-config.ts";
import { type ImageLayer, writeLayer } from "./layer.ts";
import { keyOf } from "./layer-cache.ts";
import type { HistoryEntry } from "./manifest.ts";
import { readCommands, runCommand } from "./run-step.ts";
import { createStageFiles, namedEntries, type StageFiles } from "./stage.ts";
import { type LookUp, splitWords } from "./words.ts";

/** A stage that was built, or is. */
export interface Stage {
  readonly config: StageConfig;
  readonly files: LateFiles;
  readonly layers: ImageLayer[];
  readonly history: HistoryEntry[];
  /** The image the first stage of the chain begins with. */
  readonly baseImage: string;
  readonly parsed: DockerfileStage;
  /** Stands for all that decided what files there are now. */
  key: string;
}

/** The files of a stage, put in place only when a step must be carried out on them. */
interface LateFiles {
  /** Adds what is to be done to them, once they are needed. */
  later(work: (files: StageFiles) => Promise<void>): void;
  inPlace(): Promise<StageFiles>;
}

function createLateFiles(create: () => Promise<StageFiles>): LateFiles {
  const waiting: ((files: StageFiles) => Promise<void>)[] = [];
  let made: StageFiles | undefined;
  return {
    later: (work) => void waiting.push(work),
    async inPlace() {
      made ??= await create();
      for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work(made);
      return made;
    },
  };
}

/** Builds a stage after those that it needs, and adds it to the build's. @throws DockerfileError */
export async function buildStage(run: Build, parsed: DockerfileStage): Promise<void> {
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
  const root = join(run.workFolder, `stage-${run.stages.length}`);
  const stage: Stage = {
    config: createStageConfig(parent?.config),
    files: createLateFiles(async () => createStageFiles(root, await parent?.files.inPlace())),
    layers: [...(parent?.layers ?? [])],
    history: [...(parent?.history ?? [])],
    baseImage: parent?.baseImage ?? baseName,
    parsed,
    key: parent?.key ?? keyOf(run.platformName, baseName),
  };
  const buildArguments = new Map<string, string>();
  const lookUp: LookUp = (name) => stage.config.environment.get(name) ?? buildArguments.get(name);
  for (const step of parsed.steps) {
    try {
      if (step.keyword === "ARG") declareArgument(run, step, buildArguments, globals, lookUp);
      else await takeStep(run, stage, step, lookUp, buildArguments);
    } catch (error) {
      throw located(run, step.line, error);
    }
  }
  run.stages.push(stage);
}

async function takeStep(
  run: Build,
  stage: Stage,
  step: DockerfileStep,
  lookUp: LookUp,
  buildArguments: ReadonlyMap<string, string>,
): Promise<void> {
  const { config } = stage;
  switch (step.keyword) {
    case "WORKDIR": {
      const [path = "/"] = splitWords(step.text, lookUp).map(({ text }) => text);
      const folder = posix.resolve(config.workingFolder, path);
      config.workingFolder = folder;
      stage.key = keyOf(stage.key, step.keyword, folder);
      stage.files.later((files) => files.makeFolder(folder));
      tell(run, step);
      break;
    }
    case "COPY": {
      const copy = await readCopy(run, stage, step, lookUp);
      return addLayer(run, stage, step, {
        owner: readOwner(step.flags.get("chown")),
        key: copy.key,
        carryOut: (files) => copy.into(files),
      });
    }
    case "RUN": {
      const commands = readCommands(step, lookUp);
      const variables = Object.fromEntries([...buildArguments, ...config.environment]);
      const { workingFolder: folder, user } = config;
      return addLayer(run, stage, step, {
        owner: readOwner(user || undefined),
        key: [commands, variables, folder, user],
        carryOut: async ({ root }) => {
          // The image's own PATH names folders of its base, which is not here.
          const environment = { ...run.environment, ...variables, PATH: run.environment.PATH ?? "" };
          const place = { root, folder, environment, onLine: (line: string) => run.onLine?.(line) };
          for (const command of commands) await runCommand(run.clock, command, place);
        },
      });
    }
    default:
      tell(run, step);
      applyToConfig(config, step, lookUp);
  }
  stage.history.push({ created: createdText(run), created_by: textOf(step), empty_layer: true });
}

interface Copy {
  /** What is copied, where to. */
  readonly key: unknown;
  into(files: StageFiles): Promise<void>;
}

async function readCopy(run: Build, stage: Stage, step: DockerfileStep, lookUp: LookUp): Promise<Copy> {
  const words = step.exec ?? splitWords(step.text, lookUp).map(({ text }) => text);
  const [sources, target] = [words.slice(0, -1), words.at(-1)];
  if (target === undefined || sources.length === 0)
    throw new DockerfileError("COPY needs a source and a target.");
  // Not posix.resolve: the trailing slash says that the target is a folder.
  const place = target.startsWith("/") ? target : `${stage.config.workingFolder}/${target}`;
  const from = step.flags.get("from");
  if (from === undefined) {
    const entries = namedEntries(run.context, sources);
    return {
      key: [sources, place, await hashEntries(run.contextFolder, entries)],
      into: (files) => files.copy({ folder: run.contextFolder, entries: run.context }, sources, place),
    };
  }
  const earlier = run.parsed.stages.slice(0, run.parsed.stages.indexOf(stage.parsed));
  const other = run.stages.find(({ parsed }) => parsed === findStage(earlier, from));
  if (other === undefined) {
    throw new DockerfileError(
      `COPY --from=${from} is no earlier stage; copying out of other images is not supported.`,
    );
  }
  return {
    key: [sources, place, other.key],
    async into(files) {
      const { root } = await other.files.inPlace();
      await files.copy({ folder: root, entries: await listContext(root) }, sources, place);
    },
  };
}

/** What a step that changes files consists of. */
interface FileStep {
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Decides, with the files so far, what it makes. */
  readonly key: unknown;
  carryOut(files: StageFiles): Promise<void>;
}

/** Takes the step's layer from the cache, or carries it out and keeps what it changed. */
async function addLayer(run: Build, stage: Stage, step: DockerfileStep, work: FileStep): Promise<void> {
  stage.key = keyOf(stage.key, step.keyword, work.owner, work.key);
  const found = await run.cache.find(stage.key);
  if (found !== undefined) {
    tell(run, step, "CACHED ");
    const { layer } = found;
    if (layer !== undefined) stage.files.later((files) => putInPlace(files, layer));
    return note(run, stage, step, layer);
  }
  tell(run, step);
  const files = await stage.files.inPlace();
  await work.carryOut(files);
  const entries = await files.takeChanges();
  const layer =
    entries.length === 0
      ? undefined
      : await writeLayer({
          root: files.root,
          entries,
          owner: work.owner,
          createdAtSeconds: run.createdAtSeconds,
          folder: join(run.folder, "layers"),
          temporaryName: `${posix.basename(run.workFolder)}-${stage.layers.length}`,
        });
  await run.cache.keep(stage.key, { layer });
  note(run, stage, step, layer);
}

/** The files of a layer that is there already; they are no change of the next step. */
async function putInPlace(files: StageFiles, layer: ImageLayer): Promise<void> {
  const budget = { bytes: Number.MAX_SAFE_INTEGER, entries: Number.MAX_SAFE_INTEGER };
  await applyLayer(layer.path, layer.mediaType, files.root, budget, (target) => target);
  await files.takeChanges();
}

function note(run: Build, stage: Stage, step: DockerfileStep, layer: ImageLayer | undefined): void {
  const entry = { created: createdText(run), created_by: textOf(step) };
  if (layer === undefined) stage.history.push({ ...entry, empty_layer: true });
  else {
    stage.layers.push(layer);
    stage.history.push(entry);
  }
}

function tell(run: Build, step: DockerfileStep, how = ""): void {
  run.onLine?.(`${run.fileName}:${step.line}: ${how}${textOf(step)}`);
}

function textOf({ keyword, text }: DockerfileStep): string {
  return `${keyword} ${text}`;
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

/** The time that the image carries. */
export function createdText(run: Build): string {
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
