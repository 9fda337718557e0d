import { createReadStream, existsSync } from "node:fs";
import {
  chmod,
  link,
  mkdir,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { ContainerStartError } from "../containers.ts";
import { isIndex, readManifest } from "../ecr/manifest.ts";
import type { ImageStore } from "../ecr/store.ts";
import { uuid, type World } from "../world.ts";

/** An image as a folder, with what its config says about starting it. */
export interface UnpackedImage {
  readonly root: string;
  readonly digest: string;
  readonly config: {
    readonly entrypoint: readonly string[];
    readonly command: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly workingDir: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** Whether the image has this absolute path. */
  has(path: string): boolean;
}

const largestImageBytes = 4 * 1024 ** 3;

/**
 * Makes folders of images, each once. Layers come from strangers: nothing is written outside the root, whatever
 * their paths and links say.
 */
export function createUnpacker(world: World, store: ImageStore, platform = "linux/amd64") {
  const under = new Map<string, Promise<UnpackedImage>>();

  async function unpackOnce(repository: string, digest: string): Promise<UnpackedImage> {
    const manifest = readManifest(required(store.find(repository, digest)?.text, repository, digest));
    if (isIndex(manifest)) {
      const child = manifest.manifests.find(
        (one) => one.platform !== undefined && `${one.platform.os}/${one.platform.architecture}` === platform,
      );
      if (child === undefined)
        throw new ContainerStartError(
          "CannotPullContainerError",
          `CannotPullContainerError: ${repository}@${digest} has no image for ${platform}`,
        );
      return unpackOnce(repository, child.digest);
    }
    const root = join(world.folder, "images", "unpacked", digest.replace("sha256:", ""));
    if (!existsSync(root)) {
      const scratch = `${root}.${uuid(world.random)}`;
      await mkdir(scratch, { recursive: true });
      const budget = { bytes: largestImageBytes };
      try {
        for (const layer of manifest.layers)
          await applyLayer(store.blobPath(layer.digest), layer.mediaType, scratch, budget);
        await rename(scratch, root);
      } catch (error) {
        await rm(scratch, { recursive: true, force: true });
        if (existsSync(root)) return describe(root, digest, await store.readBlob(manifest.config.digest));
        throw error;
      }
    }
    return describe(root, digest, await store.readBlob(manifest.config.digest));
  }

  /** @throws ContainerStartError CannotPullContainerError if the image is not in the registry. */
  return (image: string): Promise<UnpackedImage> => {
    const { repository, reference } = readReference(image);
    if (!store.repositories.has(repository)) throw missing(repository, reference);
    const digest = required(store.find(repository, reference)?.digest, repository, reference);
    const key = `${repository}@${digest}`;
    const running =
      under.get(key) ??
      world.clock.busy(unpackOnce(repository, digest)).catch((error: unknown) => {
        under.delete(key);
        throw error;
      });
    under.set(key, running);
    return running;
  };
}

/** `HOST/team/web@sha256:…` → repository `team/web` and its tag or digest. */
export function readReference(image: string): { repository: string; reference: string } {
  const withoutHost = image.includes("/") ? image.slice(image.indexOf("/") + 1) : image;
  const [name = "", digest] = withoutHost.split("@");
  const colon = name.lastIndexOf(":");
  const repository = colon < 0 ? name : name.slice(0, colon);
  return { repository, reference: digest ?? (colon < 0 ? "latest" : name.slice(colon + 1)) };
}

function missing(repository: string, reference: string): ContainerStartError {
  return new ContainerStartError(
    "CannotPullContainerError",
    `CannotPullContainerError: failed to resolve ref ${repository}:${reference}: not found`,
  );
}

function required<Value>(value: Value | undefined, repository: string, reference: string): Value {
  if (value === undefined) throw missing(repository, reference);
  return value;
}

function describe(root: string, digest: string, blob: Buffer): UnpackedImage {
  const parsed: {
    config?: {
      Entrypoint?: string[] | null;
      Cmd?: string[] | null;
      Env?: string[] | null;
      WorkingDir?: string;
      Labels?: Record<string, string> | null;
    };
  } = JSON.parse(blob.toString());
  const config = parsed.config ?? {};
  const environment = (config.Env ?? []).map((pair): [string, string] => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return {
    root,
    digest,
    config: {
      entrypoint: config.Entrypoint ?? [],
      command: config.Cmd ?? [],
      // The image's PATH names folders of its base, which are not here.
      environment: Object.fromEntries(environment.filter(([name]) => name !== "PATH")),
      workingDir: config.WorkingDir ?? sep,
      labels: config.Labels ?? {},
    },
    has: (path) => existsSync(join(root, resolve(sep, path))),
  };
}

/**
 * Lays a layer over a folder that stands for an image's root.
 * @param linkTo what is written for a link's absolute target, which means the image's root and not this machine's.
 * @throws ContainerStartError when the budget is used up.
 */
export async function applyLayer(
  path: string,
  mediaType: string,
  root: string,
  budget: { bytes: number },
  linkTo = (target: string) => join(root, resolve(sep, target)),
): Promise<void> {
  const source = createReadStream(path);
  const decoder = mediaType.endsWith("gzip")
    ? createGunzip()
    : mediaType.endsWith("zstd")
      ? createZstdDecompress()
      : new PassThrough();
  const entries = extract();
  const flowing = pipeline(source, decoder, entries);
  // A fault shows in the loop below; without this it would also be an unhandled rejection.
  flowing.catch(() => {});
  for await (const entry of entries) {
    budget.bytes -= entry.header.size ?? 0;
    if (budget.bytes < 0)
      throw new ContainerStartError(
        "CannotPullContainerError",
        "CannotPullContainerError: the image is larger than 4 GiB unpacked",
      );
    await apply(entry.header, () => buffer(entry), root, linkTo);
    entry.resume();
  }
}

async function apply(
  header: Header,
  content: () => Promise<Buffer>,
  root: string,
  linkTo: (target: string) => string,
): Promise<void> {
  const path = join(root, resolve(sep, header.name));
  if (path === root) return;
  const folder = dirname(path);
  if (!(await staysInside(root, folder))) return;
  const name = path.slice(folder.length + 1);
  if (name === ".wh..wh..opq") return emptyFolder(folder);
  if (name.startsWith(".wh.")) {
    const hidden = name.slice(".wh.".length);
    // ".wh..." would hide "..": the folder above, which may be the one that holds every image.
    if (hidden === "" || hidden === "." || hidden === "..") return;
    return rm(join(folder, hidden), { recursive: true, force: true });
  }
  await mkdir(folder, { recursive: true });
  if (header.type === "directory") {
    await mkdir(path, { recursive: true });
  } else if (header.type === "symlink") {
    await replace(path);
    const target = header.linkname ?? "";
    await symlink(target.startsWith(sep) ? linkTo(target) : target, path);
  } else if (header.type === "link") {
    const target = join(root, resolve(sep, header.linkname ?? ""));
    if (!(await staysInside(root, dirname(target)))) return;
    await replace(path);
    await link(target, path);
  } else if (header.type === "file" || header.type === "contiguous-file") {
    await replace(path);
    await writeFile(path, await content());
    await chmod(path, ((header.mode ?? 0o644) & 0o755) | 0o400);
  }
  // Devices and pipes are passed over: a process of this machine must not get them from an image.
}

async function replace(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    await rm(join(folder, name), { recursive: true, force: true });
}

/** Whether a folder, with every link in it followed, is in the root. Its missing part can hold no link. */
async function staysInside(root: string, folder: string): Promise<boolean> {
  let existing = folder;
  while (!(await stat(existing).catch(() => undefined))) existing = dirname(existing);
  const real = await realpath(existing);
  const realRoot = await realpath(root);
  return real === realRoot || real.startsWith(realRoot + sep);
}
