import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { connectImages, type Images } from "../aws/ecr.ts";
import {
  decideAdmission,
  type EarlierAttempt,
  type ReleaseRequest,
  readRequest,
  releaseId,
} from "../core/admission.ts";
import type { Config, ServiceConfig } from "../core/config.ts";
import { SpillwayError } from "../core/errors.ts";
import { type PinnedImage, readLabels, readSchemaLabels } from "../core/image.ts";
import { planRelease } from "../core/plan.ts";
import type { Release } from "../core/records.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ execution: z.string(), input: z.unknown() });

/** The one door: accepts a push, a console start or an event, pins the images, fixes order and sameness. */
export const admitRelease: FunctionDefinition<typeof Input, object> = {
  name: "AdmitRelease",
  input: Input,
  async run({ execution, input }, { connection, environment }) {
    const request = readRequest(input);
    const records = connectRecords(connection, environment.table);
    const images = connectImages(connection);
    const installation = await records.installation();
    const [service, config] = findService(installation.config, request);
    const { image, pushedAt } = await images.pin(config.image.repository, request.image);
    const admission = decideAdmission(
      request.trigger,
      execution,
      await latestAttempt(records, service, image.digest),
    );
    const id = releaseId(service, image.digest, admission.attempt);
    if (admission.decision === "duplicate")
      return { decision: "ended", outcome: "Duplicate", release: id, reason: admission.reason };
    const labels = readLabels(await images.labels(image, config.image.platform), pushedAt);
    const release: Release = {
      id,
      service,
      attempt: admission.attempt,
      trigger: request.trigger,
      executionArn: execution,
      tag: request.image.tag,
      image,
      ...(await pinMigration(images, config, request, labels.commit)),
      commit: labels.commit,
      sequence: labels.sequence,
      builtAgainst: labels.schema,
      installation,
      evidence: {},
      openedAt: connection.now(),
    };
    if (!admission.again && !(await records.openRelease(release)))
      throw new SpillwayError("Throttled", `Another start opened ${id} at the same moment; looking again.`);
    return { decision: "admitted", release: id, service, ...planRelease(config) };
  },
};

function findService(config: Config, { subject }: ReleaseRequest): [string, ServiceConfig] {
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

async function latestAttempt(
  records: Records,
  service: string,
  digest: string,
): Promise<EarlierAttempt | undefined> {
  let latest: Release | undefined;
  for (let attempt = 1; ; attempt++) {
    const release = await records.release(releaseId(service, digest, attempt));
    if (release === undefined) break;
    latest = release;
  }
  return latest === undefined
    ? undefined
    : { attempt: latest.attempt, executionArn: latest.executionArn, open: latest.endedAt === undefined };
}

/** The migration image has the tag of the application's, or its commit; it may be pushed a little later. */
async function pinMigration(
  images: Images,
  { migration, image }: ServiceConfig,
  request: ReleaseRequest,
  commit: string | undefined,
): Promise<Pick<Release, "migrationImage" | "schemaHistory" | "readableFrom">> {
  if (migration === undefined) return { schemaHistory: [] };
  const tag = request.image.tag ?? commit;
  if (tag === undefined)
    throw new SpillwayError(
      "InvalidInput",
      "An image started by digest alone needs the label org.opencontainers.image.revision, so that its migration image can be found.",
    );
  const pinned = await pinOrSay(images, migration.repository, tag);
  const { history, readableFrom } = readSchemaLabels(await images.labels(pinned, image.platform));
  return { migrationImage: pinned, schemaHistory: [...history], readableFrom };
}

async function pinOrSay(images: Images, repository: string, tag: string): Promise<PinnedImage> {
  try {
    return (await images.pin(repository, { tag })).image;
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.name !== "ImageNotFound") throw error;
    throw new SpillwayError(
      "MigrationImageMissing",
      `The migration image ${repository}:${tag} is not in ECR yet; push it within 15 minutes of the application's.`,
      { cause: error },
    );
  }
}

export const handler = createHandler(admitRelease);
