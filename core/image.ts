import * as z from "zod/mini";
import { SpillwayError } from "./errors.ts";

/** `sha256:` and 64 hexadecimal digits. */
export const Digest = z
  .string()
  .check(z.regex(/^sha256:[0-9a-f]{64}$/, "a digest is sha256: followed by 64 hexadecimal digits"));

/** An image pinned by digest, with what its labels say. Everything after admission uses this and never a tag. */
export const PinnedImage = z.object({
  repository: z.string(),
  digest: Digest,
  /** `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:…`, as App Runner and ECS want it. */
  uri: z.string(),
});
export type PinnedImage = z.infer<typeof PinnedImage>;

/** What the labels of an application image tell. */
export interface ImageLabels {
  readonly commit: string | undefined;
  /** Orders the builds of a service; the time of the commit or a commit count, else the time of the push in milliseconds. */
  readonly sequence: number;
  /** The schema revision the code was built against. */
  readonly schema: string | undefined;
  /** Who made it: a name, an address or an ARN. */
  readonly author: string | undefined;
}

/**
 * Reads the labels of an application image's config blob.
 * @param pushedAt milliseconds; the order of images without `dev.spillway.sequence`.
 * @throws SpillwayError InvalidInput if a label is there but cannot be read.
 */
export function readLabels(labels: Readonly<Record<string, string>>, pushedAt: number): ImageLabels {
  const sequence = labels["dev.spillway.sequence"];
  if (sequence !== undefined && !/^\d{1,15}$/.test(sequence))
    throw new SpillwayError(
      "InvalidInput",
      `The image's label dev.spillway.sequence is "${sequence.slice(0, 40)}"; it must be a whole number, such as the time of the commit (git show -s --format=%ct).`,
    );
  return {
    commit: labels["org.opencontainers.image.revision"],
    sequence: sequence === undefined ? pushedAt : Number(sequence),
    schema: labels["dev.spillway.schema"],
    author: labels["dev.spillway.author"]?.trim().slice(0, 200) || undefined,
  };
}

/** What the labels of a migration image tell of the schema it leads to. */
export interface SchemaLabels {
  /** Every schema revision, oldest first; the last is the head. */
  readonly history: readonly string[];
  /** The oldest code revision that can run on the head. */
  readonly readableFrom: string | undefined;
}

/** Reads the labels of a migration image's config blob. */
export function readSchemaLabels(labels: Readonly<Record<string, string>>): SchemaLabels {
  const history = labels["dev.spillway.schema.history"] ?? "";
  return {
    history: history
      .split(",")
      .map((revision) => revision.trim())
      .filter((revision) => revision !== ""),
    readableFrom: labels["dev.spillway.schema.readable-from"],
  };
}

/**
 * The image of a release.
 * @throws SpillwayError ImageNotFound for a release by commit, which has none: its push opens another release.
 */
export function requireImage({
  id,
  image,
}: {
  readonly id: string;
  readonly image?: PinnedImage | undefined;
}): PinnedImage {
  if (image !== undefined) return image;
  throw new SpillwayError(
    "ImageNotFound",
    `${id} is a release by commit and has no image; deploy the release that its image's push opened.`,
  );
}
