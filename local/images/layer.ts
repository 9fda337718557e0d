import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readlink, rename } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Header, pack } from "tar-stream";

/** One layer of an image, in a file. */
export interface ImageLayer {
  readonly path: string;
  /** Of the compressed bytes: `sha256:…`. */
  readonly digest: string;
  /** Of the uncompressed tar. */
  readonly diffId: string;
  readonly mediaType: "application/vnd.oci.image.layer.v1.tar+gzip";
  /** Of the compressed bytes. */
  readonly size: number;
}

/** One entry of a layer, as it is in the folder that the layer is made from. */
export interface LayerEntry {
  /** Relative to the image's root, with slashes. */
  readonly path: string;
  readonly type: "file" | "folder" | "link" | "removed";
  /** Of files, in bytes. */
  readonly size: number;
  readonly isExecutable: boolean;
}

/**
 * Writes `entries` of `root` as a layer into `folder`, named by its digest. The same entries give the same bytes:
 * they are sorted, times are `createdAtSeconds`, and of the modes only "executable" is kept.
 */
export async function writeLayer(options: {
  root: string;
  entries: readonly LayerEntry[];
  owner: { readonly uid: number; readonly gid: number };
  createdAtSeconds: number;
  folder: string;
  /** For the file while it is written; unique in `folder`. */
  temporaryName: string;
}): Promise<ImageLayer> {
  const { root, owner } = options;
  await mkdir(options.folder, { recursive: true });
  const temporary = join(options.folder, options.temporaryName);
  const tar = pack();
  const common = { ...owner, mtime: new Date(options.createdAtSeconds * 1_000) };
  const [plain, compressed] = [new Meter(), new Meter()];
  const written = pipeline(tar, plain, createGzip({ level: 6 }), compressed, createWriteStream(temporary));
  const added = (async () => {
    for (const entry of options.entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
      const header = { ...common, ...(await describeEntry(root, entry)) };
      await addEntry(tar, header, entry.type === "file" ? join(root, entry.path) : undefined);
    }
    tar.finalize();
  })();
  // A failure on either side must end the other, or it would wait for ever.
  added.catch((error: Error) => tar.destroy(error));
  await Promise.all([written, added]);
  const digest = compressed.digest();
  const path = join(options.folder, `${digest.replace(":", "-")}.tar.gz`);
  await rename(temporary, path);
  return {
    path,
    digest,
    diffId: plain.digest(),
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    size: compressed.size,
  };
}

type EntryHeader = Partial<Header> & Pick<Header, "name">;

async function describeEntry(root: string, entry: LayerEntry): Promise<EntryHeader> {
  switch (entry.type) {
    case "folder":
      return { name: `${entry.path}/`, type: "directory", mode: 0o755 };
    case "link":
      return {
        name: entry.path,
        type: "symlink",
        mode: 0o777,
        linkname: await readlink(join(root, entry.path)),
      };
    case "removed": {
      // https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
      const name = entry.path.split("/");
      return {
        name: [...name.slice(0, -1), `.wh.${name.at(-1)}`].join("/"),
        type: "file",
        mode: 0o644,
        size: 0,
      };
    }
    case "file":
      return { name: entry.path, type: "file", mode: entry.isExecutable ? 0o755 : 0o644, size: entry.size };
  }
}

function addEntry(
  tar: ReturnType<typeof pack>,
  header: EntryHeader,
  source: string | undefined,
): Promise<void> {
  if (source !== undefined) return pipeline(createReadStream(source), tar.entry(header));
  return new Promise((resolve, reject) => {
    const added = (error?: Error | null) => (error ? reject(error) : resolve());
    // A whiteout is a file, and a file must be given its bytes, none though they are.
    if (header.type === "file") tar.entry(header, Buffer.alloc(0), added);
    else tar.entry(header, added);
  });
}

/** Lets bytes pass, counting and hashing them. */
class Meter extends Transform {
  size = 0;
  private readonly hash = createHash("sha256");

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.size += chunk.length;
    this.hash.update(chunk);
    done(null, chunk);
  }

  /** Call once, at the end. */
  digest(): string {
    return `sha256:${this.hash.digest("hex")}`;
  }
}
