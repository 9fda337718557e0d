import { readFile, realpath, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, relative, resolve } from "node:path";
import { buildImage } from "../../images/build.ts";
import { DockerfileError } from "../../images/dockerfile.ts";
import { parse, readBuildRequest } from "./arguments.ts";
import { layersFolder, settingsFile } from "./image-folder.ts";
import { createImageStore } from "./image-store.ts";
import { ownPrograms } from "./programs.ts";
import { pushAs } from "./push-command.ts";
import { readReference } from "./reference.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";
import { fillTemplate } from "./template.ts";

type Command = (words: readonly string[], around: Surroundings) => Promise<void>;

/** What `docker` does where the machine has neither Docker nor buildah. */
export const ownCommands: Readonly<Record<string, Command>> = {
  build,
  push: async (words, around) => {
    const { positionals } = parse("push", words, { quiet: { type: "boolean", short: "q" } });
    const [name, ...others] = positionals;
    if (name === undefined || others.length > 0)
      throw new RefusalError("docker push takes one image: REGISTRY/REPOSITORY:TAG.");
    const images = createImageStore(around.images);
    const { pushedName } = await pushAs(await images.find(name), readReference(name), around);
    await images.notePushed(pushedName);
  },
  tag: async (words, around) => {
    const [source, target, ...others] = parse("tag", words, {}).positionals;
    if (source === undefined || target === undefined || others.length > 0)
      throw new RefusalError("docker tag takes two names: SOURCE TARGET.");
    await createImageStore(around.images).tag(source, target);
  },
  images: async (words, around) => {
    const { values } = parse("images", words, {
      digests: { type: "boolean" },
      quiet: { type: "boolean", short: "q" },
      "no-trunc": { type: "boolean" },
    });
    const listed = await createImageStore(around.images).list();
    const id = (digest: string) => (values["no-trunc"] === true ? digest : digest.slice(7, 19));
    if (values.quiet !== true) around.print("REPOSITORY:TAG  DIGEST  IMAGE ID  SIZE");
    for (const { tag, image } of listed) {
      const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
      if (values.quiet === true) around.print(id(image.configDigest));
      else around.print(`${tag}  ${image.digest}  ${id(image.configDigest)}  ${(size / 1e6).toFixed(1)}MB`);
    }
  },
  inspect: async (words, around) => {
    const { values, positionals } = parse("inspect", words, {
      format: { type: "string", short: "f" },
      type: { type: "string" },
    });
    const images = createImageStore(around.images);
    const found = await Promise.all(positionals.map((name) => images.describe(name)));
    if (values.format === undefined) around.print(JSON.stringify(found, undefined, 2));
    else for (const one of found) around.print(fillTemplate(values.format, one));
  },
  version: async (_words, around) => around.print(OWN),
};

const OWN = "Spillway's own image builder: base images are not included";

async function build(words: readonly string[], around: Surroundings): Promise<void> {
  const request = readBuildRequest(words, around.environment);
  for (const tag of request.tags) readReference(tag);
  const context = resolve(around.folder, request.context);
  if (!(await stat(context).catch(() => undefined))?.isDirectory())
    throw new RefusalError(`docker build: unable to prepare context: path "${request.context}" not found`);
  const print = (line: string) => {
    if (!request.quiet) around.print(line);
  };
  print("built by Spillway's own builder: base images are not included");
  const startedAt = around.clock.now();
  const image = await buildImage({
    contextFolder: context,
    ...(request.file !== undefined && {
      dockerfile: relative(context, resolve(around.folder, request.file)),
    }),
    buildArguments: request.buildArguments,
    labels: request.labels,
    ...(request.platform !== undefined && { platform: request.platform }),
    ...(request.target !== undefined && { target: request.target }),
    reuseLayers: !request.noCache,
    createdAtSeconds: createdAt(request.buildArguments, around),
    folder: await realpath(layersFolder(around.images)),
    environment: await runEnvironment(around),
    clock: around.clock,
    onLine: print,
  }).catch((error: unknown) => {
    throw error instanceof DockerfileError ? new RefusalError(error.message, { cause: error }) : error;
  });
  const images = createImageStore(around.images);
  await images.add(image, request.tags);
  print(`Built ${image.digest} in ${((around.clock.now() - startedAt) / 1000).toFixed(1)} s`);
  if (request.quiet) around.print(image.configDigest);
  for (const tag of request.tags) print(`Tagged ${readReference(tag).text}`);
  if (request.imageIdFile !== undefined)
    await writeFile(resolve(around.folder, request.imageIdFile), image.configDigest);
  if (request.metadataFile !== undefined)
    await writeFile(
      resolve(around.folder, request.metadataFile),
      JSON.stringify({
        "containerimage.digest": image.digest,
        "containerimage.config.digest": image.configDigest,
      }),
    );
  for (const tag of request.push ? request.tags : []) {
    const { pushedName } = await pushAs(image, readReference(tag), around);
    await images.notePushed(pushedName);
  }
}

/** SOURCE_DATE_EPOCH, the convention for reproducible images (https://reproducible-builds.org/specs/source-date-epoch/), else now. */
function createdAt(buildArguments: Readonly<Record<string, string>>, around: Surroundings): number {
  const given = Number(buildArguments.SOURCE_DATE_EPOCH ?? around.environment.SOURCE_DATE_EPOCH);
  return Number.isSafeInteger(given) && given >= 0 ? given : Math.floor(around.clock.now() / 1000);
}

/** RUN gets what it needs to run at all; nothing of the build's variables, as in a container. */
async function runEnvironment({ environment, images }: Surroundings): Promise<Record<string, string>> {
  const settings: { network?: Record<string, string> } = JSON.parse(
    await readFile(settingsFile(images), "utf8"),
  );
  const { PATH = "", HOME = "/", TMPDIR } = environment;
  return {
    ...settings.network,
    PATH: [
      dirname(process.execPath),
      ...PATH.split(delimiter).filter((folder) => folder !== ownPrograms),
    ].join(delimiter),
    HOME,
    ...(TMPDIR !== undefined && { TMPDIR }),
  };
}
