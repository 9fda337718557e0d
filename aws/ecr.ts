import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  GetDownloadUrlForLayerCommand,
  ImageNotFoundException,
  paginateDescribeImages,
  RepositoryNotFoundException,
} from "@aws-sdk/client-ecr";
import * as z from "zod/mini";
import { SpillwayError } from "../core/errors.ts";
import type { PinnedImage } from "../core/image.ts";
import type { PushedImage } from "../core/lost-pushes.ts";
import { listProblems, type Problem, parse } from "../core/parse.ts";
import type { KeptImage } from "../core/retention.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type Images = ReturnType<typeof connectImages>;

const Manifest = z.object({ config: z.object({ digest: z.string() }) });
const Index = z.object({
  manifests: z.array(
    z.object({
      digest: z.string(),
      platform: z.optional(z.object({ os: z.string(), architecture: z.string() })),
    }),
  ),
});
const ConfigBlob = z.object({
  config: z.optional(z.object({ Labels: z.nullish(z.record(z.string(), z.string())) })),
});

const accepted = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
/** A config blob holds labels and history; one larger than this is not worth reading. */
const largestConfigBytes = 1_000_000;

/** The user and password with which this account's registry takes pushes, for the next twelve hours. */
export async function registryCredentials({
  client,
}: Connection): Promise<{ readonly user: string; readonly password: string }> {
  const ecr = clientOf(ECRClient, client);
  const { authorizationData } = await call("log in to ECR", () =>
    ecr.send(new GetAuthorizationTokenCommand({})),
  );
  const token = Buffer.from(authorizationData?.[0]?.authorizationToken ?? "", "base64").toString();
  const [user = "", password = ""] = token.split(":");
  return { user, password };
}

/** ECR, as admission uses it: a tag becomes a digest once, and labels are read from the image itself. */
export function connectImages({ client, fetch }: Connection) {
  const ecr = clientOf(ECRClient, client);

  async function manifest(repository: string, imageDigest: string): Promise<unknown> {
    const { images } = await call(
      `read the manifest of ${repository}@${imageDigest}`,
      () =>
        ecr.send(
          new BatchGetImageCommand({
            repositoryName: repository,
            imageIds: [{ imageDigest }],
            acceptedMediaTypes: accepted,
          }),
        ),
      { RepositoryNotFoundException: "ImageNotFound" },
    );
    const text = images?.[0]?.imageManifest;
    if (text === undefined)
      throw new SpillwayError("ImageNotFound", `ECR has no image ${repository}@${imageDigest}.`);
    return readJson(text, `The manifest of ${repository}@${imageDigest}`);
  }

  async function configDigest(repository: string, digest: string, platform: string): Promise<string> {
    const found = await manifest(repository, digest);
    const index = Index.safeParse(found);
    if (!index.success) return readManifest(found, `${repository}@${digest}`);
    const child = index.data.manifests.find(
      (entry) =>
        entry.platform !== undefined && `${entry.platform.os}/${entry.platform.architecture}` === platform,
    );
    if (child === undefined)
      throw new SpillwayError(
        "ImageNotFound",
        `${repository}@${digest} has no image for ${platform}; build it with --platform ${platform}.`,
      );
    return readManifest(await manifest(repository, child.digest), `${repository}@${child.digest}`);
  }

  return {
    /**
     * Pins an image by digest.
     * @param registry where the account's images are pushed to, without a repository.
     * @throws ImageNotFound if the repository, tag or digest is not there, or the image is archived.
     */
    async pin(
      registry: string,
      repository: string,
      id: { tag: string } | { digest: string },
    ): Promise<{ image: PinnedImage; pushedAt: number }> {
      const wanted = "digest" in id ? { imageDigest: id.digest } : { imageTag: id.tag };
      const names = { RepositoryNotFoundException: "ImageNotFound" } as const;
      const called = "digest" in id ? `${repository}@${id.digest}` : `${repository}:${id.tag}`;
      const missing = (cause?: unknown) =>
        new SpillwayError(
          "ImageNotFound",
          `ECR has no image ${called}; push it, or choose one that is there: aws ecr list-images --repository-name ${repository}`,
          { cause },
        );
      const { imageDetails } = await call(
        `find ${called}`,
        async () => {
          try {
            const command = new DescribeImagesCommand({ repositoryName: repository, imageIds: [wanted] });
            return await ecr.send(command);
          } catch (error) {
            throw error instanceof ImageNotFoundException ? missing(error) : error;
          }
        },
        names,
      );
      const detail = imageDetails?.[0];
      if (detail?.imageDigest === undefined) throw missing();
      if (detail.imageStatus === "ARCHIVED")
        throw new SpillwayError(
          "ImageNotFound",
          `${repository}@${detail.imageDigest} is archived; restore it in ECR first.`,
        );
      const { imageDigest: digest } = detail;
      return {
        image: { repository, digest, uri: `${registry}/${repository}@${digest}` },
        pushedAt: detail.imagePushedAt?.getTime() ?? 0,
      };
    },

    /** The first of `tags` (at most 100) that the repository has. @throws ImageNotFound without the repository. */
    async findTag(
      repository: string,
      tags: readonly string[],
    ): Promise<{ tag: string; digest: string } | undefined> {
      const { images } = await call(
        `look for an image in ${repository}`,
        () =>
          ecr.send(
            new BatchGetImageCommand({
              repositoryName: repository,
              imageIds: tags.map((imageTag) => ({ imageTag })),
              acceptedMediaTypes: accepted,
            }),
          ),
        { RepositoryNotFoundException: "ImageNotFound" },
      );
      for (const tag of tags) {
        const digest = images?.find(({ imageId }) => imageId?.imageTag === tag)?.imageId?.imageDigest;
        if (digest !== undefined) return { tag, digest };
      }
      return undefined;
    },

    /** Every tagged image of the repository with its first tag, in no order; none if there is no such repository. */
    async tagged(repositoryName: string): Promise<PushedImage[]> {
      return call(`list the images of ${repositoryName}`, async () => {
        const tagged: PushedImage[] = [];
        const filter = { tagStatus: "TAGGED" } as const;
        try {
          for await (const { imageDetails = [] } of paginateDescribeImages(
            { client: ecr, pageSize: 1000 },
            { repositoryName, filter },
          ))
            for (const { imageDigest: digest, imageTags: [tag] = [], imagePushedAt } of imageDetails)
              if (digest !== undefined && tag !== undefined)
                tagged.push({ digest, tag, pushedAt: imagePushedAt?.getTime() ?? 0 });
        } catch (error) {
          if (!(error instanceof RepositoryNotFoundException)) throw error;
        }
        return tagged;
      });
    },

    /** Every image of the repository, tagged or not, archived or not, in no order; none if there is no such repository. */
    async kept(repositoryName: string): Promise<KeptImage[]> {
      return call(`list the images of ${repositoryName}`, async () => {
        const kept: KeptImage[] = [];
        const filter = { tagStatus: "ANY", imageStatus: "ANY" } as const;
        try {
          for await (const { imageDetails = [] } of paginateDescribeImages(
            { client: ecr, pageSize: 1000 },
            { repositoryName, filter },
          ))
            for (const {
              imageDigest: digest,
              imageTags: tags = [],
              imagePushedAt,
              imageStatus,
            } of imageDetails)
              if (digest !== undefined)
                kept.push({
                  digest,
                  pushedAt: imagePushedAt?.getTime() ?? 0,
                  isTagged: tags.length > 0,
                  isArchived: imageStatus !== undefined && imageStatus !== "ACTIVE",
                });
        } catch (error) {
          if (!(error instanceof RepositoryNotFoundException)) throw error;
        }
        return kept;
      });
    },

    /** The labels in the image's config blob; for an index, those of the platform's child. */
    async labels(image: PinnedImage, platform: string): Promise<Record<string, string>> {
      const layerDigest = await configDigest(image.repository, image.digest, platform);
      const { downloadUrl } = await call("find the image's configuration", () =>
        ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName: image.repository, layerDigest })),
      );
      if (downloadUrl === undefined)
        throw new SpillwayError("ImageNotFound", `ECR has no configuration for ${image.uri}.`);
      const text = await call("download the image's configuration", () => download(fetch, downloadUrl));
      const what = `The configuration of ${image.uri}`;
      return parse(ConfigBlob, readJson(text, what), unreadable(what)).config?.Labels ?? {};
    },
  };
}

/** The digest of the configuration that a manifest names. */
function readManifest(manifest: unknown, image: string): string {
  return parse(Manifest, manifest, unreadable(`The manifest of ${image}`)).config.digest;
}

function unreadable(what: string): (problems: readonly Problem[]) => SpillwayError {
  return (problems) =>
    new SpillwayError(
      "InvalidInput",
      `${what} is not as OCI or Docker images have it: ${listProblems(problems, "document")}. Build and push the image again.`,
    );
}

/** What is no JSON is the image's fault and no other try's. */
function readJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable(what)([{ path: "", message: "it is no JSON" }]);
  }
}

async function download(get: typeof fetch, url: string): Promise<string> {
  const answer = await get(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok)
    throw new SpillwayError("AwsFault", `ECR answered HTTP ${answer.status} for an image's configuration.`);
  const text = await answer.text();
  if (text.length > largestConfigBytes)
    throw new SpillwayError("InvalidInput", "The image's configuration is larger than 1 MB.");
  return text;
}
