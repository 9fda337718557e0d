import { Readable } from "node:stream";
import type { KeptImages } from "../../local/ecr/kept-images.ts";

/** Keeps the images of one world, which last no longer than it: each wait for a disk is long beside what else happens. */
export function keepImagesInMemory(): KeptImages {
  const blobs = new Map<string, Buffer>();
  const unfinished = new Set<string>();
  let index = "[]";
  const find = (hex: string) => {
    const blob = blobs.get(hex);
    if (blob === undefined) throw new Error(`There is no blob ${hex}.`);
    return blob;
  };
  return {
    size: async (hex) => blobs.get(hex)?.byteLength,
    read: async (hex) => Buffer.from(find(hex)),
    stream: (hex) => Readable.from([Buffer.from(find(hex))]),
    path: (hex) => {
      throw new Error(`The blob ${hex} is in no file.`);
    },
    async begin(name) {
      if (unfinished.has(name)) throw new Error(`The blob ${name} was begun before.`);
      unfinished.add(name);
      const chunks: Buffer[] = [];
      return {
        // A copy: who writes may use the bytes for the next part.
        write: async (chunk) => chunks.push(Buffer.from(chunk)),
        async keep(hex) {
          unfinished.delete(name);
          blobs.set(hex, Buffer.concat(chunks));
        },
        async drop() {
          unfinished.delete(name);
        },
      };
    },
    readIndex: async () => index,
    async writeIndex(text) {
      index = text;
    },
  };
}
