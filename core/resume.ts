import * as z from "zod/mini";
import type { ReleaseRequest } from "./admission.ts";
import { chooseWaves } from "./admission.ts";
import type { ServiceConfig } from "./config.ts";
import { SpillwayError } from "./errors.ts";
import { listProblems, parse } from "./parse.ts";
import type { Deployment, EnvironmentRecord, Release } from "./records.ts";

const ResumeInput = z.strictObject({
  resume: z.string(),
  reason: z.optional(z.string().check(z.minLength(1), z.maxLength(500))),
  /** Step Functions' own, when another execution starts this one. */
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: z.optional(z.string()),
});

/**
 * Reads the input of an execution that resumes a release; undefined if it is for something else.
 * @throws SpillwayError InvalidInput with what is wrong and an example.
 */
export function readResume(input: unknown): { release: string; reason: string | undefined } | undefined {
  if (typeof input !== "object" || input === null || !("resume" in input)) return undefined;
  const { resume, reason } = parse(
    ResumeInput,
    input,
    (problems) =>
      new SpillwayError(
        "InvalidInput",
        `${listProblems(problems, "input")}; for example {"resume":"web-3f2a91c0d4e5-1"}.`,
      ),
  );
  return { release: resume, reason };
}

/**
 * The wish that a resumed release is: the same image, by its digest, to the environments that it has not reached.
 * @param environments what is live where.
 * @throws SpillwayError NothingToResume if it reached all of them, and is live there.
 */
export function planResume(
  release: Release,
  config: Pick<ServiceConfig, "waves" | "environments">,
  deployments: readonly Deployment[],
  environments: readonly EnvironmentRecord[],
  reason: string | undefined,
): ReleaseRequest {
  const { id, service, image } = release;
  const planned = chooseWaves(config, release.environments).flat();
  const left = planned.filter((name) => !isThere(release, name, deployments, environments));
  if (image !== undefined && left.length === 0)
    throw new SpillwayError(
      "NothingToResume",
      `${id} is live in ${planned.join(", ")}; there is nothing left to do.`,
    );
  return {
    trigger: "console",
    subject: { service },
    image: subjectOf(release),
    environments: left.length === planned.length ? release.environments : left,
    why: reason ?? release.why,
    force: false,
  };
}

/** @throws SpillwayError RecordUnreadable for a record that says of no image and of no commit. */
function subjectOf({
  id,
  image,
  commit,
  tag,
}: Pick<Release, "id" | "image" | "commit" | "tag">): ReleaseRequest["image"] {
  if (image !== undefined) return { digest: image.digest, tag };
  if (commit !== undefined) return { commit };
  throw new SpillwayError("RecordUnreadable", `The record of ${id} names neither an image nor a commit.`);
}

function isThere(
  { image }: Release,
  name: string,
  deployments: readonly Deployment[],
  environments: readonly EnvironmentRecord[],
): boolean {
  const live = environments.find(({ environment }) => environment === name)?.live;
  const released = deployments.some(
    ({ environment, outcome }) => environment === name && outcome === "Released",
  );
  return released && live !== undefined && live.image.digest === image?.digest;
}
