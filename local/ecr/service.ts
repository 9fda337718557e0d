import * as ecr from "@aws-sdk/client-ecr";
import { checkResourcePolicy } from "../iam/resource-policy.ts";
import { createPaginator } from "../pagination.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import type { World } from "../world.ts";
import { createKeeping, findImage, missingImage } from "./keeping.ts";
import { isIndex, readManifest } from "./manifest.ts";
import type { ImageStore, Repository, StoredManifest } from "./store.ts";
import type { RegistryTokens } from "./tokens.ts";

/** Elastic Container Registry: the API beside the registry's own protocol. */
export function createEcr(world: World, store: ImageStore, tokens: RegistryTokens): Service {
  const paginate = createPaginator(
    world.clock,
    () => new AwsError("InvalidParameterException", "Invalid parameter at 'nextToken'"),
  );

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
    { digest, mediaType, text, pushedAt, isArchived = false }: StoredManifest,
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
      imageStatus: isArchived ? "ARCHIVED" : "ACTIVE",
    };
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
  > = (input) => {
    const { nextToken, maxResults, repositoryNames } = input;
    const all =
      repositoryNames?.map(store.repository) ??
      [...store.repositories.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
    const page = paginate(all, {
      of: ["DescribeRepositories", repositoryNames],
      key: ({ name }) => name,
      size: pageSize(maxResults),
      token: nextToken,
    });
    return { repositories: page.items.map(describe), nextToken: page.nextToken };
  };

  const DescribeImages: Operation<ecr.DescribeImagesCommandInput, ecr.DescribeImagesCommandOutput> = (
    input,
  ) => {
    const repository = store.repository(input.repositoryName ?? "");
    const wanted = input.imageIds?.map(
      (id) => findImage(repository, id) ?? missingImage(world, repository.name, id),
    );
    const { nextToken, maxResults, ...question } = input;
    const images = (wanted ?? [...repository.manifests.values()])
      .map((stored) => detail(repository, stored))
      .filter(({ imageTags }) => hasTagStatus(imageTags !== undefined, input.filter?.tagStatus))
      // Who names an image is told of it; who lists them is not told of those in the archive unless they ask.
      .filter(({ imageStatus }) => wanted !== undefined || hasStatus(imageStatus, input.filter?.imageStatus));
    const page = paginate(images, {
      of: ["DescribeImages", question],
      key: ({ imageDigest = "" }) => imageDigest,
      size: pageSize(maxResults),
      token: nextToken,
    });
    return { imageDetails: page.items, nextToken: page.nextToken };
  };

  const ListImages: Operation<ecr.ListImagesCommandInput, ecr.ListImagesCommandOutput> = (input) => {
    const repository = store.repository(input.repositoryName ?? "");
    const ids = [...repository.manifests.keys()].flatMap((imageDigest): ecr.ImageIdentifier[] => {
      const tags = tagsOf(repository, imageDigest);
      return tags.length === 0 ? [{ imageDigest }] : tags.map((imageTag) => ({ imageDigest, imageTag }));
    });
    const { nextToken, maxResults, ...question } = input;
    const page = paginate(
      ids.filter(({ imageTag }) => hasTagStatus(imageTag !== undefined, input.filter?.tagStatus)),
      {
        of: ["ListImages", question],
        key: ({ imageDigest, imageTag }) => `${imageDigest} ${imageTag}`,
        size: pageSize(maxResults),
        token: nextToken,
      },
    );
    return { imageIds: page.items, nextToken: page.nextToken };
  };

  const BatchGetImage: Operation<ecr.BatchGetImageCommandInput, ecr.BatchGetImageCommandOutput> = (input) => {
    const repository = store.repository(input.repositoryName ?? "");
    const images: ecr.Image[] = [];
    const failures: ecr.ImageFailure[] = [];
    for (const imageId of input.imageIds ?? []) {
      const stored = findImage(repository, imageId);
      if (stored === undefined)
        failures.push({ imageId, failureCode: "ImageNotFound", failureReason: "Requested image not found" });
      else if (stored.isArchived === true)
        failures.push({
          imageId,
          failureCode: "ImageInaccessible",
          failureReason: "Requested image is archived",
        });
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
  > = (_, { caller }) => {
    const { token: authorizationToken, expiresAt } = tokens.give(caller);
    return { authorizationData: [{ authorizationToken, expiresAt, proxyEndpoint: world.endpoint() }] };
  };

  const PutImage: Operation<ecr.PutImageCommandInput, ecr.PutImageCommandOutput> = async (input) => {
    const repository = store.repository(input.repositoryName ?? "");
    const text = input.imageManifest ?? "";
    const mediaType = input.imageManifestMediaType ?? "application/vnd.oci.image.manifest.v1+json";
    const stored = await store.putManifest(repository.name, {
      ...{ text, mediaType },
      ...{ tag: input.imageTag, digest: input.imageDigest },
    });
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

  const SetRepositoryPolicy: Operation<
    ecr.SetRepositoryPolicyCommandInput,
    ecr.SetRepositoryPolicyCommandOutput
  > = async ({ repositoryName = "", policyText = "" }) => {
    const repository = store.repository(repositoryName);
    checkResourcePolicy(policyText);
    repository.policy = policyText;
    await store.save();
    return { registryId: world.accountId, repositoryName, policyText };
  };

  const GetRepositoryPolicy: Operation<
    ecr.GetRepositoryPolicyCommandInput,
    ecr.GetRepositoryPolicyCommandOutput
  > = ({ repositoryName = "" }) => ({
    registryId: world.accountId,
    repositoryName,
    policyText: policyOf(store.repository(repositoryName)),
  });

  const policyOf = ({ name, policy }: Repository): string => {
    if (policy !== undefined) return policy;
    throw new AwsError(
      "RepositoryPolicyNotFoundException",
      `Repository policy does not exist for the repository with name '${name}' in the registry with id '${world.accountId}'`,
    );
  };

  const DeleteRepositoryPolicy: Operation<
    ecr.DeleteRepositoryPolicyCommandInput,
    ecr.DeleteRepositoryPolicyCommandOutput
  > = async ({ repositoryName = "" }) => {
    const repository = store.repository(repositoryName);
    const policyText = policyOf(repository);
    delete repository.policy;
    await store.save();
    return { registryId: world.accountId, repositoryName, policyText };
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
      ...createKeeping(world, store),
      SetRepositoryPolicy,
      GetRepositoryPolicy,
      DeleteRepositoryPolicy,
    },
  };
}

function hasStatus(status: ecr.ImageStatus | undefined, wanted: ecr.ImageStatusFilter = "ACTIVE"): boolean {
  return wanted === "ANY" || status === wanted;
}

function hasTagStatus(isTagged: boolean, wanted: ecr.TagStatus = "ANY"): boolean {
  return wanted === "ANY" || isTagged === (wanted === "TAGGED");
}

/** ECR's pages have 100 items unless asked otherwise, and 1,000 at most. */
function pageSize(maxResults = 100): number {
  if (maxResults >= 1 && maxResults <= 1000) return maxResults;
  throw new AwsError(
    "InvalidParameterException",
    `Invalid parameter at 'maxResults' failed to satisfy constraint: 'must be between 1 and 1000', it is ${maxResults}`,
  );
}
