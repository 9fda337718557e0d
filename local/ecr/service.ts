import * as ecr from "@aws-sdk/client-ecr";
import { AwsError, type Operation, type Service } from "../service.ts";
import type { World } from "../world.ts";
import { isIndex, readManifest } from "./manifest.ts";
import type { ImageStore, Repository, StoredManifest } from "./store.ts";

/** Elastic Container Registry: the API beside the registry's own protocol. */
export function createEcr(world: World, store: ImageStore): Service {
  const describe = (repository: Repository): ecr.Repository => ({
    repositoryName: repository.name,
    repositoryArn: store.arn(repository.name),
    registryId: world.accountId,
    repositoryUri: store.uri(repository.name),
    createdAt: new Date(repository.createdAt),
    imageTagMutability: repository.immutableTags ? "IMMUTABLE" : "MUTABLE",
    imageScanningConfiguration: { scanOnPush: false },
    encryptionConfiguration: { encryptionType: "AES256" },
  });

  const tagsOf = ({ tags }: Repository, digest: string) =>
    [...tags].filter(([, target]) => target === digest).map(([tag]) => tag);

  const detail = (
    repository: Repository,
    { digest, mediaType, text, pushedAt }: StoredManifest,
  ): ecr.ImageDetail => {
    const manifest = readManifest(text);
    const tags = tagsOf(repository, digest);
    return {
      registryId: world.accountId,
      repositoryName: repository.name,
      imageDigest: digest,
      ...(tags.length > 0 ? { imageTags: tags } : {}),
      imageSizeInBytes: isIndex(manifest)
        ? text.length
        : manifest.layers.reduce((sum, { size }) => sum + size, text.length),
      imagePushedAt: new Date(pushedAt),
      imageManifestMediaType: mediaType,
      ...(isIndex(manifest) ? {} : { artifactMediaType: manifest.config.mediaType }),
      imageStatus: "ACTIVE",
    };
  };

  const find = (repository: Repository, id: ecr.ImageIdentifier): StoredManifest | undefined => {
    const digest = id.imageDigest ?? repository.tags.get(id.imageTag ?? "");
    return digest === undefined ? undefined : repository.manifests.get(digest);
  };

  const CreateRepository: Operation<
    ecr.CreateRepositoryCommandInput,
    ecr.CreateRepositoryCommandOutput
  > = async (input) => ({
    repository: describe(
      await store.createRepository(input.repositoryName ?? "", input.imageTagMutability === "IMMUTABLE"),
    ),
  });

  const DescribeRepositories: Operation<
    ecr.DescribeRepositoriesCommandInput,
    ecr.DescribeRepositoriesCommandOutput
  > = (input) => ({
    repositories: (input.repositoryNames?.map(store.repository) ?? [...store.repositories.values()]).map(
      describe,
    ),
  });

  const DescribeImages: Operation<ecr.DescribeImagesCommandInput, ecr.DescribeImagesCommandOutput> = (
    input,
  ) => {
    const repository = store.repository(input.repositoryName ?? "");
    const wanted = input.imageIds?.map((id) => find(repository, id) ?? missing(repository.name, id));
    const images = (wanted ?? [...repository.manifests.values()]).map((stored) => detail(repository, stored));
    const page = paginate(images, input.maxResults ?? 100, input.nextToken);
    return { imageDetails: page.items, nextToken: page.next };
  };

  const missing = (name: string, id: ecr.ImageIdentifier): never => {
    throw new AwsError(
      "ImageNotFoundException",
      `The image with imageId {imageDigest:'${id.imageDigest ?? "null"}', imageTag:'${id.imageTag ?? "null"}'} does not exist within the repository with name '${name}' in the registry with id '${world.accountId}'`,
    );
  };

  const ListImages: Operation<ecr.ListImagesCommandInput, ecr.ListImagesCommandOutput> = (input) => {
    const repository = store.repository(input.repositoryName ?? "");
    const ids = [...repository.manifests.keys()].flatMap((imageDigest): ecr.ImageIdentifier[] => {
      const tags = tagsOf(repository, imageDigest);
      return tags.length === 0 ? [{ imageDigest }] : tags.map((imageTag) => ({ imageDigest, imageTag }));
    });
    const page = paginate(ids, input.maxResults ?? 100, input.nextToken);
    return { imageIds: page.items, nextToken: page.next };
  };

  const BatchGetImage: Operation<ecr.BatchGetImageCommandInput, ecr.BatchGetImageCommandOutput> = (input) => {
    const repository = store.repository(input.repositoryName ?? "");
    const images: ecr.Image[] = [];
    const failures: ecr.ImageFailure[] = [];
    for (const imageId of input.imageIds ?? []) {
      const stored = find(repository, imageId);
      if (stored === undefined)
        failures.push({ imageId, failureCode: "ImageNotFound", failureReason: "Requested image not found" });
      else
        images.push({
          registryId: world.accountId,
          repositoryName: repository.name,
          imageId: { ...imageId, imageDigest: stored.digest },
          imageManifest: stored.text,
          imageManifestMediaType: stored.mediaType,
        });
    }
    return { images, failures };
  };

  const GetDownloadUrlForLayer: Operation<
    ecr.GetDownloadUrlForLayerCommandInput,
    ecr.GetDownloadUrlForLayerCommandOutput
  > = async (input) => {
    const { name } = store.repository(input.repositoryName ?? "");
    const layerDigest = input.layerDigest ?? "";
    if ((await store.blobSize(layerDigest)) === undefined)
      throw new AwsError(
        "LayersNotFoundException",
        `The layer with digest '${layerDigest}' does not exist within the repository with name '${name}'.`,
      );
    return { downloadUrl: `${world.endpoint()}/ecr-layers/${layerDigest}`, layerDigest };
  };

  const GetAuthorizationToken: Operation<
    ecr.GetAuthorizationTokenCommandInput,
    ecr.GetAuthorizationTokenCommandOutput
  > = () => ({
    authorizationData: [
      {
        authorizationToken: Buffer.from("AWS:local").toString("base64"),
        expiresAt: new Date(world.clock.now() + 12 * 3600 * 1000),
        proxyEndpoint: world.endpoint(),
      },
    ],
  });

  const PutImage: Operation<ecr.PutImageCommandInput, ecr.PutImageCommandOutput> = async (input) => {
    const repository = store.repository(input.repositoryName ?? "");
    const text = input.imageManifest ?? "";
    const mediaType = input.imageManifestMediaType ?? "application/vnd.oci.image.manifest.v1+json";
    const stored = await store.putManifest(repository.name, { text, mediaType, tag: input.imageTag });
    return {
      image: {
        registryId: world.accountId,
        repositoryName: repository.name,
        imageId: {
          imageDigest: stored.digest,
          ...(input.imageTag === undefined ? {} : { imageTag: input.imageTag }),
        },
        imageManifest: text,
        imageManifestMediaType: mediaType,
      },
    };
  };

  return {
    target: "AmazonEC2ContainerRegistry_V20150921",
    protocol: "json1.1",
    schemas: ecr,
    operations: {
      CreateRepository,
      DescribeRepositories,
      DescribeImages,
      ListImages,
      BatchGetImage,
      GetDownloadUrlForLayer,
      GetAuthorizationToken,
      PutImage,
    },
  };
}

/** AWS's pages: an opaque token that says where the next one begins. */
function paginate<Item>(
  items: readonly Item[],
  size: number,
  token: string | undefined,
): { items: Item[]; next: string | undefined } {
  const start = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString());
  if (!Number.isInteger(start) || start < 0)
    throw new AwsError("InvalidParameterException", "Invalid parameter at 'nextToken'");
  const end = start + size;
  return {
    items: items.slice(start, end),
    next: end < items.length ? Buffer.from(String(end)).toString("base64url") : undefined,
  };
}
