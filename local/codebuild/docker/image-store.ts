import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuiltImage } from "../../images/manifest.ts";
import type { PushableImage } from "../../images/push.ts";
import { readReference } from "./reference.ts";
import { RefusalError } from "./refusal.ts";

/** An image that the build has made, in a form that a file can hold. */
interface StoredImage {
  readonly digest: string;
  readonly configDigest: string;
  readonly manifestMediaType: string;
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly { readonly digest: string; readonly path: string; readonly size: number }[];
}

interface Names {
  /** Reference with its tag → digest. */
  readonly tags: Record<string, string>;
  /** `REGISTRY/REPOSITORY@sha256:…` of what was pushed. */
  readonly pushed: string[];
}

/** The images of one build, kept in its folder: one command makes them, another pushes them. */
export interface ImageStore {
  add(image: BuiltImage, tags: readonly string[]): Promise<void>;
  tag(source: string, target: string): Promise<void>;
  /** By a reference, a digest or an id. @throws RefusalError in Docker's words. */
  find(name: string): Promise<PushableImage>;
  notePushed(name: string): Promise<void>;
  /** Every tag, with its image. */
  list(): Promise<{ readonly tag: string; readonly image: StoredImage }[]>;
  /** What `docker inspect` shows of an image. @throws RefusalError in Docker's words. */
  describe(name: string): Promise<Readonly<Record<string, unknown>>>;
}

export function createImageStore(folder: string): ImageStore {
  const namesFile = join(folder, "names.json");
  const imageFile = (digest: string) => join(folder, `${digest.replace(":", "-")}.json`);

  const readNames = (): Promise<Names> =>
    readFile(namesFile, "utf8").then(
      (text): Names => JSON.parse(text),
      () => ({ tags: {}, pushed: [] }),
    );
  const writeWhole = async (file: string, value: unknown) => {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.${process.pid}`, JSON.stringify(value));
    await rename(`${file}.${process.pid}`, file);
  };
  const read = async (digest: string): Promise<StoredImage> =>
    JSON.parse(await readFile(imageFile(digest), "utf8"));

  const digestOf = async (name: string): Promise<string> => {
    const { tags } = await readNames();
    const digests = Object.values(tags);
    if (digests.includes(name)) return name;
    for (const digest of digests) {
      const { configDigest } = await read(digest);
      if (configDigest === name || configDigest.slice("sha256:".length).startsWith(name)) return digest;
    }
    const found = tags[readReference(name).text];
    if (found !== undefined) return found;
    throw new RefusalError(`An image does not exist locally with the tag: ${name}`);
  };

  return {
    async add(image, tags) {
      const { digest, configDigest, manifestMediaType, layers } = image;
      const stored: StoredImage = {
        digest,
        configDigest,
        manifestMediaType,
        manifest: Buffer.from(image.manifest).toString(),
        config: Buffer.from(image.config).toString(),
        layers: layers.map((layer) => ({ digest: layer.digest, path: layer.path, size: layer.size })),
      };
      await writeWhole(imageFile(digest), stored);
      const names = await readNames();
      for (const tag of tags) names.tags[readReference(tag).text] = digest;
      // An image without a tag is still found by its id.
      if (tags.length === 0) names.tags[`<none>@${digest}`] = digest;
      await writeWhole(namesFile, names);
    },
    async tag(source, target) {
      const digest = await digestOf(source);
      const names = await readNames();
      names.tags[readReference(target).text] = digest;
      await writeWhole(namesFile, names);
    },
    async find(name) {
      const stored = await read(await digestOf(name));
      return { ...stored, manifest: Buffer.from(stored.manifest), config: Buffer.from(stored.config) };
    },
    async notePushed(name) {
      const names = await readNames();
      if (!names.pushed.includes(name)) names.pushed.push(name);
      await writeWhole(namesFile, names);
    },
    async list() {
      const { tags } = await readNames();
      return Promise.all(
        Object.entries(tags).map(async ([tag, digest]) => ({ tag, image: await read(digest) })),
      );
    },
    async describe(name) {
      const digest = await digestOf(name);
      const stored = await read(digest);
      const { tags, pushed } = await readNames();
      const { config, created, architecture, os }: Record<string, unknown> = JSON.parse(stored.config);
      return {
        Id: stored.configDigest,
        RepoTags: Object.keys(tags).filter((tag) => tags[tag] === digest && !tag.startsWith("<none>")),
        RepoDigests: pushed.filter((pushedName) => pushedName.endsWith(`@${digest}`)),
        Created: created,
        Architecture: architecture,
        Os: os,
        Size: stored.layers.reduce((sum, { size }) => sum + size, 0),
        Config: config,
      };
    },
  };
}
