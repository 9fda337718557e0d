import { arn } from "../../world.ts";
import { type Demand, type Demands, demand } from "../demand.ts";

interface OfRepository {
  readonly repositoryName?: string | undefined;
}

/** What operations of ECR need: each is guarded by its repository, and a password by nothing. */
export function ecrDemands(arn: (service: string, resource: string) => string): Demands {
  const repository = (name: string) => arn("ecr", `repository/${name}`);
  const ofRepository =
    (action: string) =>
    ({ repositoryName = "" }: OfRepository) =>
      demand(action, repository(repositoryName));
  return {
    DescribeRepositories: ({
      repositoryNames = ["*"],
    }: {
      repositoryNames?: readonly string[] | undefined;
    }) => demand("ecr:DescribeRepositories", ...repositoryNames.map(repository)),
    BatchDeleteImage: ofRepository("ecr:BatchDeleteImage"),
    BatchGetImage: ofRepository("ecr:BatchGetImage"),
    CreateRepository: ofRepository("ecr:CreateRepository"),
    DescribeImages: ofRepository("ecr:DescribeImages"),
    GetDownloadUrlForLayer: ofRepository("ecr:GetDownloadUrlForLayer"),
    ListImages: ofRepository("ecr:ListImages"),
    PutImage: ofRepository("ecr:PutImage"),
    UpdateImageStorageClass: ofRepository("ecr:UpdateImageStorageClass"),
  };
}

/** What pulling `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@DIGEST` needs, as ECS and App Runner do it; nothing for others. */
export function pullDemands(image: string): Demand[] {
  const [, accountId, region, repository] =
    /^(\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.com\/([^@:]+)/.exec(image) ?? [];
  if (accountId === undefined || region === undefined) return [];
  const of = arn({ accountId, region }, "ecr", `repository/${repository}`);
  return [
    ...demand("ecr:GetAuthorizationToken", "*"),
    ...["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"].flatMap((action) =>
      demand(`ecr:${action}`, of),
    ),
  ];
}

/** What App Runner's access role needs: to pull, and to look at the image. */
export function accessDemands(image: string): Demand[] {
  const pull = pullDemands(image);
  const repository = pull.find(({ resource }) => resource !== "*")?.resource;
  return [...pull, ...(repository === undefined ? [] : demand("ecr:DescribeImages", repository))];
}

/** What a request to the registry needs, as AWS documents it for docker. */
export function registryDemands(
  arn: (service: string, resource: string) => string,
  method: string,
  path: string,
): Demand[] {
  const [, repository = "", kind = ""] =
    /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests|tags)(?:\/|$)/.exec(path) ?? [];
  const action = registryActions[`${method} ${kind}`];
  return action === undefined ? [] : demand(`ecr:${action}`, arn("ecr", `repository/${repository}`));
}

const registryActions: Readonly<Record<string, string>> = {
  "HEAD blobs": "BatchCheckLayerAvailability",
  "GET blobs": "GetDownloadUrlForLayer",
  "POST blobs/uploads": "InitiateLayerUpload",
  "PATCH blobs/uploads": "UploadLayerPart",
  "PUT blobs/uploads": "CompleteLayerUpload",
  "DELETE blobs/uploads": "InitiateLayerUpload",
  "HEAD manifests": "BatchGetImage",
  "GET manifests": "BatchGetImage",
  "PUT manifests": "PutImage",
  "GET tags": "ListImages",
};
