import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { ContainerStartError } from "../containers.ts";
import { type Descriptor, isIndex, readManifest } from "../ecr/manifest.ts";
import type { ImageStore } from "../ecr/store.ts";
import { uuid, type World } from "../world.ts";
import { applyLayer, type LayerBudget } from "./apply-layer.ts";
import { ImageConfigError, readStartConfig, type StartConfig } from "./start-config.ts";

/** An image as a folder, with what its config says about starting it. */
export interface UnpackedImage {
  readonly root: string;
  readonly digest: string;
  readonly config: StartConfig;
  /** Whether the image has this absolute path. */
  has(path: string): boolean;
}

/** What an image may use up; the largest real ones stay well below. */
const largestImage: LayerBudget = { bytes: 4 * 1024 ** 3, entries: 500_000 };
const largestConfigBytes = 4 * 1024 ** 2;

/** Makes folders of images, each once. */
export function createUnpacker(
  world: World,
  store: ImageStore,
  { platform = "linux/amd64", limits = largestImage } = {},
) {
  const under = new Map<string, Promise<UnpackedImage>>();

  async function unpackOnce(repository: string, digest: string): Promise<UnpackedImage> {
    const manifest = readManifest(required(store.find(repository, digest)?.text, repository, digest));
    if (isIndex(manifest)) {
      const child = manifest.manifests.find(
        (one) => `${one.platform?.os}/${one.platform?.architecture}` === platform,
      );
      if (child === undefined) throw notPulled(`${repository}@${digest} has no image for ${platform}`);
      return unpackOnce(repository, child.digest);
    }
    const config = await readConfig(manifest.config.digest);
    const root = join(world.folder, "images", "unpacked", digest.replace("sha256:", ""));
    if (!existsSync(root)) {
      const scratch = `${root}.${uuid(world.random)}`;
      await mkdir(scratch, { recursive: true });
      try {
        await applyLayers(manifest.layers, scratch);
        await rename(scratch, root);
      } catch (error) {
        await rm(scratch, { recursive: true, force: true });
        if (!existsSync(root)) throw error;
      }
    }
    return { root, digest, config, has: (path) => existsSync(join(root, resolve(sep, path))) };
  }

  async function readConfig(digest: string): Promise<StartConfig> {
    try {
      if (((await store.blobSize(digest)) ?? 0) > largestConfigBytes)
        throw new ImageConfigError(`it has more than ${largestConfigBytes} bytes`);
      return readStartConfig((await store.readBlob(digest)).toString());
    } catch (error) {
      throw notPulled(`the configuration ${digest} cannot be used: ${messageOf(error)}`, error);
    }
  }

  async function applyLayers(layers: readonly Descriptor[], root: string): Promise<void> {
    const budget = { ...limits };
    for (const { digest, mediaType } of layers) {
      try {
        await applyLayer(store.blobPath(digest), mediaType, root, budget);
      } catch (error) {
        throw notPulled(`failed to register layer ${digest}: ${messageOf(error)}`, error);
      }
    }
  }

  /** @throws ContainerStartError CannotPullContainerError if the image is not in the registry, or cannot be unpacked. */
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
  return notPulled(`failed to resolve ref ${repository}:${reference}: not found`);
}

function notPulled(reason: string, cause?: unknown): ContainerStartError {
  return new ContainerStartError("CannotPullContainerError", `CannotPullContainerError: ${reason}`, {
    cause,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function required<Value>(value: Value | undefined, repository: string, reference: string): Value {
  if (value === undefined) throw missing(repository, reference);
  return value;
}
