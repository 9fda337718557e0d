import { createHash } from "node:crypto";
import { AwsError } from "../service.ts";
import { uuid, type World } from "../world.ts";
import type { KeptImages } from "./kept-images.ts";

/** A blob that comes in parts, kept in the order in which they were begun. */
export interface BlobUpload {
  /** @returns how many bytes there are now. */
  append(content: AsyncIterable<Uint8Array>): Promise<number>;
  /** Keeps the blob. @throws AwsError DigestInvalid if the content has another digest; the upload is over then, too. */
  keep(expected?: string): Promise<{ digest: string; size: number }>;
  drop(): Promise<void>;
}

/** Begins a blob, which will be named by its digest. */
export async function openUpload(
  { clock, random }: Pick<World, "clock" | "random">,
  kept: KeptImages,
): Promise<BlobUpload> {
  const hash = createHash("sha256");
  let size = 0;
  const blob = await clock.busy(kept.begin(uuid(random)));
  let last: Promise<unknown> = Promise.resolve();

  const write = async (content: AsyncIterable<Uint8Array>) => {
    for await (const chunk of content) {
      await blob.write(chunk);
      hash.update(chunk);
      size += chunk.length;
    }
    return size;
  };
  const drop = async () => {
    await last;
    await blob.drop();
  };
  const keep = async (expected: string | undefined) => {
    await last;
    const hex = hash.digest("hex");
    const digest = `sha256:${hex}`;
    if (expected !== undefined && expected !== digest) {
      await drop();
      throw new AwsError("DigestInvalid", `The content is ${digest}, not ${expected.slice(0, 80)}.`);
    }
    await blob.keep(hex);
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
