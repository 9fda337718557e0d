import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import type { PushableImage } from "../../images/push.ts";
import { parse, readBuildRequest } from "./arguments.ts";
import { ask, findProgram, runInstead } from "./programs.ts";
import { pushAs } from "./push-command.ts";
import { isEcr, readReference } from "./reference.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";

/** A builder of images that the machine has. */
export interface Engine {
  /** What the log says: "docker 28.2.2". */
  readonly name: string;
  /** Does one of docker's commands. @returns its exit status. */
  run(command: string, words: readonly string[], around: Surroundings): Promise<number>;
}

/** Docker with a running engine, else buildah; undefined if the machine has neither. */
export async function findEngine(around: Surroundings): Promise<Engine | undefined> {
  const docker = await findProgram("docker", around);
  const version = docker && (await ask(docker, ["version", "--format", "{{.Server.Version}}"]));
  if (docker && version) return dockerEngine(docker, version);
  const buildah = await findProgram("buildah", around);
  const [, buildahVersion] = (buildah && (await ask(buildah, ["--version"])))?.match(/version (\S+)/) ?? [];
  if (buildah && buildahVersion) return buildahEngine(buildah, buildahVersion);
  return undefined;
}

/**
 * Docker itself does everything but what would go to AWS's own registry: an image with ECR's name is saved to an
 * archive and pushed to the local one.
 */
function dockerEngine(program: string, version: string): Engine {
  return {
    name: `docker ${version}`,
    async run(command, words, around) {
      const ecr = words.some((word) => isEcrName(word, around));
      const pushesItself = words.some((word) => word === "--push" || /^(?:-o|--output)/.test(word));
      if (command === "push" && ecr) {
        const [name = ""] = parse("push", words, { quiet: { type: "boolean", short: "q" } }).positionals;
        return pushSaved(name, around, (archive) =>
          runInstead(program, ["save", "--output", archive, name], around),
        );
      }
      if (ecr && (command === "pull" || command === "run" || pushesItself))
        throw new RefusalError(
          `docker ${command} would ask AWS itself for an image of ECR; build it here, and push it with docker push.`,
        );
      return runInstead(program, [command, ...words], around);
    },
  };
}

/** Buildah does what docker's commands of the same meaning do. */
function buildahEngine(program: string, version: string): Engine {
  const commands: Readonly<
    Record<string, (words: readonly string[], around: Surroundings) => Promise<number>>
  > = {
    build: (words, around) => runInstead(program, buildahWords(words, around), around),
    tag: (words, around) => runInstead(program, ["tag", ...words], around),
    images: (words, around) => runInstead(program, ["images", ...words], around),
    inspect: (words, around) => runInstead(program, ["inspect", "--type", "image", ...words], around),
    push: (words, around) => {
      const [name = ""] = parse("push", words, { quiet: { type: "boolean", short: "q" } }).positionals;
      return pushSaved(name, around, (archive) =>
        runInstead(program, ["push", "--quiet", name, `oci-archive:${archive}`], around),
      );
    },
  };
  return {
    name: `buildah ${version}`,
    run(command, words, around) {
      const run = commands[command];
      if (run !== undefined) return run(words, around);
      throw new RefusalError(
        `docker ${command} cannot be done with buildah; it does ${Object.keys(commands).join(", ")}. Install Docker for more.`,
      );
    },
  };
}

function buildahWords(words: readonly string[], around: Surroundings): string[] {
  const request = readBuildRequest(words, around.environment);
  if (request.push) throw new RefusalError("docker build --push: use docker build, then docker push.");
  const option = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`--${name}`, value];
  const each = (name: string, pairs: Readonly<Record<string, string>>) =>
    Object.entries(pairs).flatMap(([key, value]) => [`--${name}`, `${key}=${value}`]);
  return [
    "build",
    ...request.tags.flatMap((tag) => ["--tag", tag]),
    ...option("file", request.file),
    ...each("build-arg", request.buildArguments),
    ...each("label", request.labels),
    ...option("target", request.target),
    ...option("platform", request.platform),
    ...option("iidfile", request.imageIdFile),
    request.noCache ? "--no-cache" : "--layers",
    ...(request.quiet ? ["--quiet"] : []),
    request.context,
  ];
}

function isEcrName(word: string, { endpoint }: Surroundings): boolean {
  const [host] = word.split("/");
  return word.includes("/") && isEcr(host, endpoint);
}

/** Saves an image to an archive in the OCI layout and pushes what is in it. */
async function pushSaved(
  name: string,
  around: Surroundings,
  save: (archive: string) => Promise<number>,
): Promise<number> {
  const folder = await mkdtemp(join(around.images, "push-"));
  try {
    const archive = join(folder, "image.tar");
    const status = await save(archive);
    if (status !== 0) return status;
    const layout = join(folder, "layout");
    await unpackArchive(archive, layout);
    await pushAs(await readLayout(layout), readReference(name), around);
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function unpackArchive(archive: string, folder: string): Promise<void> {
  const entries = extract();
  const reading = pipeline(createReadStream(archive), entries);
  reading.catch(() => {});
  for await (const entry of entries) {
    const path = join(folder, resolve(sep, entry.header.name));
    if (entry.header.type === "file") {
      await mkdir(dirname(path), { recursive: true });
      await pipeline(entry, createWriteStream(path));
    } else entry.resume();
  }
  await reading;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

/** https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
export async function readLayout(folder: string): Promise<PushableImage> {
  const blob = ({ digest }: Descriptor) => {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new RefusalError(`${digest} is no digest of a blob.`);
    return join(folder, "blobs", ...digest.split(":"));
  };
  const index: { manifests?: Descriptor[] } = await readFile(join(folder, "index.json"), "utf8").then(
    (text) => JSON.parse(text),
    () => {
      throw new RefusalError("docker save made no OCI layout; Docker 25 or newer does.");
    },
  );
  const [manifest] = index.manifests ?? [];
  if (manifest === undefined) throw new RefusalError("The archive holds no image.");
  if (/index|manifest\.list/.test(manifest.mediaType))
    throw new RefusalError(
      "The image is of several platforms; build it with --platform and --provenance=false.",
    );
  const bytes = await readFile(blob(manifest));
  const { config, layers }: { config: Descriptor; layers: Descriptor[] } = JSON.parse(bytes.toString());
  return {
    digest: manifest.digest,
    manifest: bytes,
    manifestMediaType: manifest.mediaType,
    config: await readFile(blob(config)),
    configDigest: config.digest,
    layers: layers.map((layer) => ({ digest: layer.digest, path: blob(layer) })),
  };
}
