import { createHash } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AwsError } from "../service.ts";
import { uuid, type World } from "../world.ts";

/** A blob that comes in parts. Its parts are kept on disk, in the order in which they were begun. */
export interface BlobUpload {
  /** @returns how many bytes there are now. */
  append(content: AsyncIterable<Uint8Array>): Promise<number>;
  /** Keeps the blob. @throws AwsError DigestInvalid if the content has another digest; the upload is over then, too. */
  keep(expected?: string): Promise<{ digest: string; size: number }>;
  drop(): Promise<void>;
}

const prefix = ".upload-";

/** Begins a blob in the folder of all blobs, where it will be named by its digest. */
export async function openUpload(world: World, blobs: string): Promise<BlobUpload> {
  const { clock } = world;
  const scratch = join(blobs, `${prefix}${uuid(world.random)}`);
  const hash = createHash("sha256");
  let size = 0;
  const file = await clock.busy(open(scratch, "wx"));
  let last: Promise<unknown> = Promise.resolve();

  const write = async (content: AsyncIterable<Uint8Array>) => {
    for await (const chunk of content) {
      await file.write(chunk);
      hash.update(chunk);
      size += chunk.length;
    }
    return size;
  };
  const drop = async () => {
    await last;
    await file.close();
    await rm(scratch, { force: true });
  };
  const keep = async (expected: string | undefined) => {
    await last;
    const hex = hash.digest("hex");
    const digest = `sha256:${hex}`;
    if (expected !== undefined && expected !== digest) {
      await drop();
      throw new AwsError("DigestInvalid", `The content is ${digest}, not ${expected.slice(0, 80)}.`);
    }
    await file.close();
    await rename(scratch, join(blobs, hex));
    return { digest, size };
  };

  return {
    append(content) {
      const next = last.then(() => write(content));
      last = next.catch(() => undefined);
      return clock.busy(next);
    },
    keep: (expected) => clock.busy(keep(expected)),
    drop: () => clock.busy(drop()),
  };
}

/** Removes what a kill left of uploads. */
export async function dropUploads(blobs: string): Promise<void> {
  for (const name of await readdir(blobs))
    if (name.startsWith(prefix)) await rm(join(blobs, name), { force: true });
}
