import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { createRealClock } from "../../local/asl/index.ts";
import { createImageStore, type ImageStore } from "../../local/ecr/store.ts";
import type { LayerBudget } from "../../local/images/apply-layer.ts";
import { createUnpacker, type UnpackedImage } from "../../local/images/unpack.ts";
import type { World } from "../../local/world.ts";

/** An entry of a layer, as a tar has it. */
export type Entry = Partial<Header> & { name: string; content?: string };

/** Layers as they are pushed: of entries, or any bytes that say they are one. */
export interface PushedLayers {
  readonly world: World;
  readonly store: ImageStore;
  /** Pushes an image of these layers, with this configuration, and unpacks it. */
  unpackBytes(layers: readonly Uint8Array[], options?: UnpackOptions): Promise<UnpackedImage>;
  unpack(...layers: Entry[][]): Promise<UnpackedImage>;
}

interface UnpackOptions {
  readonly config?: string;
  readonly mediaType?: string;
  readonly limits?: LayerBudget;
}

const usualConfig = JSON.stringify({
  config: {
    Entrypoint: ["node", "/app/main.js"],
    Env: ["A=b=c", "PATH=/usr/bin"],
    WorkingDir: "/app",
  },
});

/** A registry whose world keeps its files in this folder. */
export async function createPushedLayers(folder: string): Promise<PushedLayers> {
  const world: World = {
    clock: createRealClock(),
    random: Math.random,
    accountId: "000000000000",
    region: "us-east-1",
    endpoint: () => "",
    folder,
    emit: () => {},
  };
  const store = await createImageStore(world);
  await store.createRepository("web", false);

  const unpackBytes: PushedLayers["unpackBytes"] = async (layers, options = {}) => {
    const { mediaType = "application/vnd.oci.image.layer.v1.tar+gzip", limits } = options;
    const described = [];
    for (const bytes of layers) described.push({ mediaType, ...(await store.writeBlob(once(bytes))) });
    const config = await store.writeBlob(once(Buffer.from(options.config ?? usualConfig)));
    const { digest } = await store.putManifest("web", {
      text: JSON.stringify({
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
        layers: described,
      }),
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      tag: "one",
    });
    const unpack = createUnpacker(world, store, limits === undefined ? {} : { limits });
    return unpack(`000000000000.dkr.ecr.us-east-1.amazonaws.com/web@${digest}`);
  };

  return {
    world,
    store,
    unpackBytes,
    unpack: async (...layers) =>
      unpackBytes(await Promise.all(layers.map(async (entries) => gzipSync(await tarOf(entries))))),
  };
}

/** The tar of these entries, which may be anything that a tar can say. */
export function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = "", ...header } of entries) tar.entry(header, content);
  tar.finalize();
  return buffer(tar);
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
