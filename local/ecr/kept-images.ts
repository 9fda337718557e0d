import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** What an image store keeps its blobs in, each named by the 64 digits of its digest, and the text of its index. */
export interface KeptImages {
  /** In bytes; undefined if it is not there. */
  size(hex: string): Promise<number | undefined>;
  read(hex: string): Promise<Buffer>;
  stream(hex: string): Readable;
  /** Where a program finds it that reads files. @throws Error if there are none. */
  path(hex: string): string;
  /** Begins a blob. @param name what no other unfinished one is called. */
  begin(name: string): Promise<UnfinishedBlob>;
  /** `[]` of a new store. */
  readIndex(): Promise<string>;
  /** All of it or nothing, also if the process is killed. */
  writeIndex(text: string): Promise<void>;
}

/** A blob of which not all is there. It ends with either `keep` or `drop`. */
export interface UnfinishedBlob {
  write(chunk: Uint8Array): Promise<unknown>;
  keep(hex: string): Promise<void>;
  drop(): Promise<void>;
}

const unfinished = ".upload-";

/** Keeps images in a folder, and removes what a kill left there of unfinished blobs. */
export async function keepImagesIn(folder: string): Promise<KeptImages> {
  const blobs = join(folder, "blobs");
  const index = join(folder, "repositories.json");
  await mkdir(blobs, { recursive: true });
  for (const name of await readdir(blobs))
    if (name.startsWith(unfinished)) await rm(join(blobs, name), { force: true });
  const path = (hex: string) => join(blobs, hex);

  return {
    size: (hex) =>
      stat(path(hex)).then(
        ({ size }) => size,
        () => undefined,
      ),
    read: (hex) => readFile(path(hex)),
    stream: (hex) => createReadStream(path(hex)),
    path,
    async begin(name) {
      const scratch = join(blobs, `${unfinished}${name}`);
      const file = await open(scratch, "wx");
      return {
        write: (chunk) => file.write(chunk),
        async keep(hex) {
          await file.close();
          await rename(scratch, path(hex));
        },
        async drop() {
          await file.close();
          await rm(scratch, { force: true });
        },
      };
    },
    readIndex: () => readFile(index, "utf8").catch(() => "[]"),
    // Written beside and renamed, so that a kill leaves the old or the new.
    async writeIndex(text) {
      await writeFile(`${index}.new`, text);
      await rename(`${index}.new`, index);
    },
  };
}
