import { join, posix } from "node:path";
import type * as codebuild from "@aws-sdk/client-codebuild";
import { demand } from "../iam/demand.ts";
import { authorizeRole, type RoleSession } from "../iam/index.ts";
import { AwsError } from "../service.ts";
import type { World } from "../world.ts";
import type { KeptFiles } from "./buildspec.ts";
import { copyMatching, isInside } from "./file-patterns.ts";

/** Where artifacts of a build go: the objects of a bucket whose keys begin with the prefix and the name. */
export interface ArtifactTarget {
  /** Of secondary artifacts; undefined for the primary ones. */
  readonly identifier: string | undefined;
  readonly bucket: string;
  readonly prefix: string;
  readonly name: string;
  /** Whether the name that the buildspec gives counts instead. */
  readonly overrideName: boolean;
}

/** Artifacts that were kept. */
export interface KeptArtifacts {
  readonly identifier: string | undefined;
  /** `arn:aws:s3:::BUCKET/KEY` */
  readonly location: string;
}

/** @throws AwsError InvalidInputException for artifacts that cannot be kept here. */
export function checkArtifacts(artifacts: codebuild.ProjectArtifacts | undefined): void {
  if (artifacts?.type !== "S3") return;
  const { location = "", path = "", name = "", packaging = "NONE" } = artifacts;
  const fail = (message: string): never => {
    throw new AwsError("InvalidInputException", `Invalid artifacts: ${message}`);
  };
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(location))
    fail("artifacts of type S3 need the name of a bucket as their location.");
  if ([...path.split("/"), ...name.split("/")].includes("..")) fail('path and name must not contain "..".');
  if (packaging !== "NONE")
    fail(`the local AWS keeps artifacts as they are; use packaging NONE, not ${packaging}.`);
}

/** The targets of a project's artifacts, primary and secondary, for one build. */
export function artifactTargets(
  buildUuid: string,
  primary: codebuild.ProjectArtifacts | undefined,
  secondary: readonly codebuild.ProjectArtifacts[] | undefined,
): ArtifactTarget[] {
  const targetOf = (artifacts: codebuild.ProjectArtifacts, identifier: string | undefined) => ({
    identifier,
    bucket: artifacts.location ?? "",
    prefix: posix.join(artifacts.path ?? "", artifacts.namespaceType === "BUILD_ID" ? buildUuid : ""),
    name: artifacts.name ?? "",
    overrideName: artifacts.overrideArtifactName ?? false,
  });
  const isKept = ({ type }: codebuild.ProjectArtifacts) => type === "S3";
  return [
    ...(primary !== undefined && isKept(primary) ? [targetOf(primary, undefined)] : []),
    ...(secondary ?? []).filter(isKept).map((one) => targetOf(one, one.artifactIdentifier)),
  ];
}

/** Lets a build keep its artifacts if its role may write them. @throws AwsError AccessDeniedException. */
export function authorizeArtifacts(
  world: Pick<World, "iam">,
  { artifacts, as }: { readonly artifacts: readonly ArtifactTarget[]; readonly as: RoleSession },
): void {
  for (const { bucket, prefix, name } of artifacts) {
    const bucketArn = `arn:aws:s3:::${bucket}`;
    authorizeRole(world, as, [
      ...demand("s3:GetBucketAcl", bucketArn),
      ...demand("s3:GetBucketLocation", bucketArn),
      ...demand("s3:PutObject", `${bucketArn}/${posix.join(prefix, name, "*")}`),
    ]);
  }
}

/** The build named artifacts that are not there; UPLOAD_ARTIFACTS fails, as AWS's does. */
export class ArtifactsError extends Error {
  override readonly name = "ArtifactsError";
}

/** Artifacts as a buildspec names them. */
export interface NamedArtifacts extends KeptFiles {
  /** Counts where the project lets the buildspec name its artifacts. */
  readonly name: string | undefined;
  /** Comes before the name in the key. */
  readonly prefix: string;
}

/**
 * Copies artifacts to where a bucket's objects are kept, `buckets/BUCKET/KEY`.
 * @throws ArtifactsError if there are none.
 */
export async function keepArtifacts(
  source: string,
  files: NamedArtifacts,
  target: ArtifactTarget,
  buckets: string,
): Promise<KeptArtifacts & { readonly files: number; readonly folder: string }> {
  const from = join(source, files.folder);
  if (!(await isInside(source, from))) throw new ArtifactsError("no matching base directory path found");
  const name = target.overrideName ? (files.name ?? target.name) : target.name;
  const key = posix.join("/", target.prefix, files.prefix, name).slice(1);
  const folder = join(buckets, target.bucket, key);
  const copied = await copyMatching(files.patterns, from, folder, files);
  if (copied.files === 0) throw new ArtifactsError("no matching artifact paths found");
  return {
    identifier: target.identifier,
    location: `arn:aws:s3:::${posix.join(target.bucket, key)}`,
    files: copied.files,
    folder,
  };
}
