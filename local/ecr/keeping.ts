import type * as ecr from "@aws-sdk/client-ecr";
import { AwsError, type Operation } from "../service.ts";
import type { World } from "../world.ts";
import { isIndex, readManifest } from "./manifest.ts";
import type { ImageStore, Repository, StoredManifest } from "./store.ts";

/** The operations that let images go: for good, or into the archive and back. */
export function createKeeping(world: World, store: ImageStore) {
  /** As EventBridge tells of what happens to an image. */
  function tell(repository: string, image: StoredManifest, action: object): void {
    world.emit({
      source: "aws.ecr",
      "detail-type": "ECR Image Action",
      resources: [],
      detail: {
        result: "SUCCESS",
        "repository-name": repository,
        "image-digest": image.digest,
        "manifest-media-type": image.mediaType,
        ...action,
      },
    });
  }

  /** Takes away a tag, and with its last tag the image; a digest takes the image with all its tags. */
  function remove(repository: Repository, id: ecr.ImageIdentifier): ecr.ImageIdentifier[] | ecr.ImageFailure {
    const found = findImage(repository, id);
    if (found === undefined) return failure(id, "ImageNotFound", "Requested image not found");
    const { digest } = found;
    const tags = [...repository.tags].flatMap(([tag, target]) => (target === digest ? [tag] : []));
    const going = id.imageTag === undefined ? tags : [id.imageTag];
    const isLast = going.length === tags.length;
    if (isLast && isReferenced(repository, digest))
      return failure(
        id,
        "ImageReferencedByManifestList",
        `Requested image referenced by manifest list: ${digest}`,
      );
    for (const tag of going) repository.tags.delete(tag);
    if (isLast) repository.manifests.delete(digest);
    const removed = going.length === 0 ? [undefined] : going;
    for (const tag of removed)
      tell(repository.name, found, { "action-type": "DELETE", "image-tag": tag ?? "" });
    return removed.map((tag) => ({ imageDigest: digest, ...(tag === undefined ? {} : { imageTag: tag }) }));
  }

  const BatchDeleteImage: Operation<
    ecr.BatchDeleteImageCommandInput,
    ecr.BatchDeleteImageCommandOutput
  > = async ({ repositoryName = "", imageIds: wanted = [] }) => {
    const repository = store.repository(repositoryName);
    const imageIds: ecr.ImageIdentifier[] = [];
    const failures: ecr.ImageFailure[] = [];
    for (const id of wanted) {
      const removed = remove(repository, id);
      if (Array.isArray(removed)) imageIds.push(...removed);
      else failures.push(removed);
    }
    await store.save();
    return { imageIds, failures };
  };

  /** AWS takes a while to restore; here an image is back at once. */
  const UpdateImageStorageClass: Operation<
    ecr.UpdateImageStorageClassCommandInput,
    ecr.UpdateImageStorageClassCommandOutput
  > = async ({ repositoryName = "", imageId = {}, targetStorageClass }) => {
    const repository = store.repository(repositoryName);
    const found = findImage(repository, imageId) ?? missingImage(world, repository.name, imageId);
    const isArchived = targetStorageClass === "ARCHIVE";
    repository.manifests.set(found.digest, { ...found, isArchived });
    await store.save();
    tell(repository.name, found, {
      "action-type": "UPDATE_STORAGE_CLASS",
      "target-storage-class": targetStorageClass ?? "STANDARD",
    });
    const imageStatus = isArchived ? ("ARCHIVED" as const) : ("ACTIVE" as const);
    return {
      registryId: world.accountId,
      repositoryName,
      imageId: { imageDigest: found.digest },
      imageStatus,
    };
  };

  return { BatchDeleteImage, UpdateImageStorageClass };
}

/** The image of a digest or of a tag. */
export function findImage(repository: Repository, id: ecr.ImageIdentifier): StoredManifest | undefined {
  const digest = id.imageDigest ?? repository.tags.get(id.imageTag ?? "");
  return digest === undefined ? undefined : repository.manifests.get(digest);
}

/** @throws AwsError ImageNotFoundException, as ECR says it. */
export function missingImage(world: World, name: string, id: ecr.ImageIdentifier): never {
  throw new AwsError(
    "ImageNotFoundException",
    `The image with imageId {imageDigest:'${id.imageDigest ?? "null"}', imageTag:'${id.imageTag ?? "null"}'} does not exist within the repository with name '${name}' in the registry with id '${world.accountId}'`,
  );
}

function isReferenced({ manifests }: Repository, digest: string): boolean {
  return [...manifests.values()].some(({ text }) => {
    const manifest = readManifest(text);
    return isIndex(manifest) && manifest.manifests.some((one) => one.digest === digest);
  });
}

function failure(
  imageId: ecr.ImageIdentifier,
  failureCode: ecr.ImageFailureCode,
  failureReason: string,
): ecr.ImageFailure {
  return { imageId, failureCode, failureReason };
}
