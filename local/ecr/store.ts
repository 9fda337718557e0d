import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { AwsError } from "../service.ts";
import { keptFolder } from "../store.ts";
import { arn, type World } from "../world.ts";
import { type KeptImages, keepImagesIn } from "./kept-images.ts";
import { isIndex, readManifest, references } from "./manifest.ts";
import { openUpload } from "./uploads.ts";

/** A stored manifest: an image, or an index of images. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
  /** Whether it is in the archive, from which nobody can pull. */
  readonly isArchived?: boolean;
}

export interface Repository {
  readonly name: string;
  readonly createdAt: number;
  readonly immutableTags: boolean;
  /** The text of the policy by which other accounts may use it. */
  policy?: string;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
}

/** Images by content: blobs, named by their digest; repositories with their tags. */
export type ImageStore = Awaited<ReturnType<typeof createImageStore>>;

const digestPattern = /^sha256:[0-9a-f]{64}$/;
/** As the OCI distribution specification has it. */
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Opens the store, with what an earlier process kept there.
 * @param given what keeps it, if not the world's folder.
 */
export async function createImageStore(world: World, given?: KeptImages) {
  const kept = given ?? (await keepImagesIn(join(keptFolder(world), "images")));
  const repositories = readIndex(await kept.readIndex());
  let saving: Promise<unknown> = Promise.resolve();

  /** One writer at a time. */
  function save(): Promise<void> {
    const text = JSON.stringify(
      [...repositories.values()].map((one) => ({
        ...one,
        manifests: [...one.manifests],
        tags: [...one.tags],
      })),
    );
    const next = saving.then(() => kept.writeIndex(text));
    saving = next.catch(() => {});
    return world.clock.busy(next);
  }

  const hexOf = (digest: string) => {
    if (!digestPattern.test(digest))
      throw new AwsError("InvalidParameterException", `"${digest.slice(0, 80)}" is not a sha256 digest.`);
    return digest.slice("sha256:".length);
  };

  function repository(name: string): Repository {
    const found = repositories.get(name);
    if (found !== undefined) return found;
    throw new AwsError(
      "RepositoryNotFoundException",
      `The repository with name '${name}' does not exist in the registry with id '${world.accountId}'`,
    );
  }

  const blobSize = async (digest: string): Promise<number | undefined> =>
    world.clock.busy(kept.size(hexOf(digest)));

  return {
    repositories,
    repository,
    blobSize,
    blobPath: (digest: string): string => kept.path(hexOf(digest)),
    readBlob: (digest: string): Promise<Buffer> => world.clock.busy(kept.read(hexOf(digest))),
    streamBlob: (digest: string): Readable => kept.stream(hexOf(digest)),
    uri: (name: string) => `${world.accountId}.dkr.ecr.${world.region}.amazonaws.com/${name}`,
    arn: (name: string) => arn(world, "ecr", `repository/${name}`),

    async createRepository(name: string, immutableTags: boolean): Promise<Repository> {
      if (!/^[a-z0-9]+([._/-][a-z0-9]+)*$/.test(name) || name.length < 2 || name.length > 256)
        throw new AwsError(
          "InvalidParameterException",
          `Invalid parameter at 'repositoryName' failed to satisfy constraint: '${name.slice(0, 80)}' is not a repository name`,
        );
      if (repositories.has(name))
        throw new AwsError(
          "RepositoryAlreadyExistsException",
          `The repository with name '${name}' already exists in the registry with id '${world.accountId}'`,
        );
      const made: Repository = {
        name,
        createdAt: world.clock.now(),
        immutableTags,
        manifests: new Map(),
        tags: new Map(),
      };
      repositories.set(name, made);
      await save();
      return made;
    },

    openUpload: () => openUpload(world, kept),

    /** Keeps a blob while it streams in. @throws AwsError DigestInvalid if the content has another digest. */
    async writeBlob(
      content: AsyncIterable<Uint8Array>,
      expected?: string,
    ): Promise<{ digest: string; size: number }> {
      const upload = await openUpload(world, kept);
      try {
        await upload.append(content);
      } catch (error) {
        await upload.drop();
        throw error;
      }
      return upload.keep(expected);
    },

    /**
     * Keeps a manifest, tags it, and tells EventBridge.
     * @throws AwsError if it is not of the digest that is given, has a tag that is none, names blobs or manifests that
     *   are not here, or an immutable tag is taken; then nothing is kept.
     */
    async putManifest(
      name: string,
      input: { text: string; mediaType: string; tag?: string | undefined; digest?: string | undefined },
    ): Promise<StoredManifest> {
      const into = repository(name);
      const digest = `sha256:${createHash("sha256").update(input.text).digest("hex")}`;
      if (input.digest !== undefined && input.digest !== digest)
        throw new AwsError(
          "ImageDigestDoesNotMatchException",
          `The digest of the manifest is ${digest}, not ${input.digest.slice(0, 80)}.`,
        );
      if (input.tag !== undefined && !tagPattern.test(input.tag))
        throw new AwsError(
          "InvalidParameterException",
          `Invalid parameter at 'imageTag' failed to satisfy constraint: a tag has 1 to 128 letters, digits, dots, hyphens and underscores, and begins with none of the marks but "_"`,
        );
      const manifest = readManifest(input.text);
      for (const reference of references(manifest)) {
        const here = isIndex(manifest)
          ? into.manifests.has(reference)
          : (await blobSize(reference)) !== undefined;
        if (!here)
          throw new AwsError(
            "LayersNotFoundException",
            `The manifest names ${reference}, which was not pushed to ${name}.`,
          );
      }
      const before = input.tag === undefined ? undefined : into.tags.get(input.tag);
      if (into.immutableTags && before !== undefined && before !== digest)
        throw new AwsError(
          "ImageTagAlreadyExistsException",
          `The image tag '${input.tag}' already exists in the '${name}' repository and cannot be overwritten because the tag is immutable.`,
        );
      const stored = into.manifests.get(digest) ?? {
        digest,
        mediaType: input.mediaType,
        text: input.text,
        pushedAt: world.clock.now(),
      };
      into.manifests.set(digest, stored);
      if (input.tag !== undefined) into.tags.set(input.tag, digest);
      await save();
      world.emit({
        source: "aws.ecr",
        "detail-type": "ECR Image Action",
        resources: [],
        detail: {
          "action-type": "PUSH",
          result: "SUCCESS",
          "repository-name": name,
          "image-digest": digest,
          "image-tag": input.tag ?? "",
          "manifest-media-type": input.mediaType,
          ...(isIndex(manifest) ? {} : { "artifact-media-type": manifest.config.mediaType }),
        },
      });
      return stored;
    },

    /** A manifest by tag or digest, if it can be pulled. */
    find(name: string, reference: string): StoredManifest | undefined {
      const { tags, manifests } = repository(name);
      const found = manifests.get(digestPattern.test(reference) ? reference : (tags.get(reference) ?? ""));
      return found?.isArchived === true ? undefined : found;
    },
    save,
  };
}

function readIndex(text: string): Map<string, Repository> {
  const kept: (Omit<Repository, "manifests" | "tags"> & {
    manifests: [string, StoredManifest][];
    tags: [string, string][];
  })[] = JSON.parse(text);
  return new Map(
    kept.map((one) => [one.name, { ...one, manifests: new Map(one.manifests), tags: new Map(one.tags) }]),
  );
}
