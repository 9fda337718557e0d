import type { Images } from "../aws/ecr.ts";
import { type ReleaseRequest, releaseId, sourceReleaseId, tagsOfCommit } from "../core/admission.ts";
import type { Config, ServiceConfig } from "../core/config.ts";
import { SpillwayError } from "../core/errors.ts";
import { type PinnedImage, readLabels, readSchemaLabels } from "../core/image.ts";
import type { Release, Resources } from "../core/records.ts";

/** What is to be released: an image that is there, or a commit of which one is to be built. */
export type Subject =
  | {
      readonly image: PinnedImage;
      readonly tag: string | undefined;
      readonly pushedAt: number;
      /** The commit that was asked for, if that is how the image was found. */
      readonly wanted: string | undefined;
    }
  | { readonly image: undefined; readonly commit: string };

/** What a release's record says of its subject. */
type Described = Pick<
  Release,
  | "tag"
  | "image"
  | "migrationImage"
  | "schemaHistory"
  | "readableFrom"
  | "commit"
  | "sequence"
  | "builtAgainst"
  | "author"
>;

/** The service that a request names. @throws SpillwayError UnknownService, naming those there are. */
export function findService(config: Config, { subject }: ReleaseRequest): [string, ServiceConfig] {
  const matches = ([name, service]: [string, ServiceConfig]) =>
    "service" in subject ? name === subject.service : service.image.repository === subject.repository;
  const found = Object.entries(config.services).find(matches);
  if (found !== undefined) return found;
  const asked = "service" in subject ? `service ${subject.service}` : `repository ${subject.repository}`;
  throw new SpillwayError(
    "UnknownService",
    `The configuration has no ${asked.slice(0, 100)}; its services are ${Object.keys(config.services).join(", ") || "none"}.`,
  );
}

/**
 * Finds what a request asks for. A commit that has an image is that image.
 * @throws SpillwayError ImageNotFound; InvalidInput if a commit has no image and none can be built.
 */
export async function findSubject(
  images: Images,
  { registry }: Resources,
  { image: { repository }, build }: ServiceConfig,
  { image: asked }: ReleaseRequest,
): Promise<Subject> {
  if (!("commit" in asked))
    return { ...(await images.pin(registry, repository, asked)), tag: asked.tag, wanted: undefined };
  const { commit } = asked;
  const found = await images.findTag(repository, tagsOfCommit(commit));
  if (found !== undefined)
    return {
      ...(await images.pin(registry, repository, { digest: found.digest })),
      tag: found.tag,
      wanted: commit,
    };
  if (build === undefined)
    throw new SpillwayError(
      "InvalidInput",
      `${repository} has no image of the commit ${commit}: push one whose tag is the commit's first 7 to 40 digits, or say in spillway.config.ts how to build it (build: { buildspec: "…" }).`,
    );
  if (commit.length < 40)
    throw new SpillwayError(
      "InvalidInput",
      `${repository} has no image of the commit ${commit}, and to build one all 40 digits are needed: git rev-parse ${commit} prints them.`,
    );
  return { image: undefined, commit };
}

/** The name of the subject's nth release. */
export function subjectId(service: string, subject: Subject, attempt: number): string {
  return subject.image === undefined
    ? sourceReleaseId(service, subject.commit, attempt)
    : releaseId(service, subject.image.digest, attempt);
}

/**
 * Reads what the images say of themselves.
 * @throws SpillwayError InvalidInput for an image of another commit than the one asked for; MigrationImageMissing.
 */
export async function describeSubject(
  images: Images,
  resources: Resources,
  config: ServiceConfig,
  subject: Subject,
): Promise<Described> {
  if (subject.image === undefined) return { commit: subject.commit, sequence: 0, schemaHistory: [] };
  const { image, tag, pushedAt, wanted } = subject;
  const { commit, sequence, schema, author } = readLabels(
    await images.labels(image, config.image.platform),
    pushedAt,
  );
  if (
    wanted !== undefined &&
    commit !== undefined &&
    !commit.startsWith(wanted) &&
    !wanted.startsWith(commit)
  )
    throw new SpillwayError(
      "InvalidInput",
      `The tag ${tag} looks like the commit ${wanted}, but that image was built of ${commit}; start it by its tag or digest if it is the one you mean.`,
    );
  const migration = await pinMigration(images, resources, config, tag ?? commit);
  return { tag, image, ...migration, commit, sequence, builtAgainst: schema, author };
}

/** The migration image has the tag of the application's, or its commit; it may be pushed a little later. */
async function pinMigration(
  images: Images,
  { registry }: Resources,
  { migration, image }: ServiceConfig,
  tag: string | undefined,
): Promise<Pick<Release, "migrationImage" | "schemaHistory" | "readableFrom">> {
  if (migration === undefined) return { schemaHistory: [] };
  if (tag === undefined)
    throw new SpillwayError(
      "InvalidInput",
      "An image started by digest alone needs the label org.opencontainers.image.revision, so that its migration image can be found.",
    );
  const pinned = await pinOrSay(images, registry, migration.repository, tag);
  const { history, readableFrom } = readSchemaLabels(await images.labels(pinned, image.platform));
  return { migrationImage: pinned, schemaHistory: [...history], readableFrom };
}

async function pinOrSay(
  images: Images,
  registry: string,
  repository: string,
  tag: string,
): Promise<PinnedImage> {
  try {
    return (await images.pin(registry, repository, { tag })).image;
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.name !== "ImageNotFound") throw error;
    throw new SpillwayError(
      "MigrationImageMissing",
      `The migration image ${repository}:${tag} is not in ECR yet; push it within 15 minutes of the application's.`,
      { cause: error },
    );
  }
}
