import * as z from "zod/mini";
import type { ServiceConfig } from "./config.ts";
import { SpillwayError } from "./errors.ts";
import { Digest } from "./image.ts";
import { requireReason } from "./intent.ts";
import { listProblems, type Problem, parse } from "./parse.ts";
import type { Revision } from "./records.ts";

const EcrPush = z.object({
  source: z.literal("aws.ecr"),
  "detail-type": z.literal("ECR Image Action"),
  account: z.optional(z.string()),
  detail: z.object({
    "action-type": z.string(),
    result: z.string(),
    "repository-name": z.string(),
    "image-digest": Digest,
    "image-tag": z._default(z.string(), ""),
  }),
});

const Tag = z
  .string()
  .check(z.regex(/^[\w][\w.-]{0,127}$/, "a tag has 1 to 128 letters, digits, dots, hyphens and underscores"));

const Commit = z
  .string()
  .check(
    z.regex(
      /^[0-9a-f]{7,40}$/,
      "a commit is 7 to 40 lower-case hexadecimal digits; git rev-parse HEAD prints it",
    ),
  );

/** What a person types in the console, and the detail of a `Release Requested` event. */
export const StartInput = z.strictObject({
  service: z.string(),
  tag: z.optional(Tag),
  digest: z.optional(Digest),
  commit: z.optional(Commit),
  environments: z.optional(z.array(z.string()).check(z.minLength(1, "name at least one environment"))),
  reason: z.optional(z.string().check(z.minLength(1), z.maxLength(500))),
  force: z.optional(z.boolean()),
  /** Step Functions' own, when another execution starts this one. */
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: z.optional(z.string()),
});

const ReleaseRequested = z.object({
  "detail-type": z.literal("Release Requested"),
  source: z.string(),
  /** EventBridge's own: the same however often it is delivered, and when it is replayed from an archive. */
  id: z.string().check(z.minLength(1), z.maxLength(100)),
  detail: StartInput,
});

/** A wish for a release, whichever of the three ways it came in. */
export interface ReleaseRequest {
  /** `push` is automatic: the same digest is never released twice by it. The others are somebody's wish. */
  readonly trigger: "push" | "console" | "event";
  /** The id of the event that another system sent. */
  readonly event?: string;
  readonly image:
    | { readonly tag: string }
    | { readonly digest: string; readonly tag: string | undefined }
    /** The image of this commit, or the commit itself while there is none. */
    | { readonly commit: string };
  /** The repository pushed to, or the service asked for. */
  readonly subject: { readonly repository: string } | { readonly service: string };
  /** Where to; undefined: wherever the waves go. */
  readonly environments: readonly string[] | undefined;
  /** Why a person wants it. */
  readonly why: string | undefined;
  /** Whether a person says that it be released although something speaks against it. */
  readonly force: boolean;
}

/**
 * Reads the input of a release execution: an ECR event, a `Release Requested` event, or a console start.
 * @throws SpillwayError InvalidInput with what was expected, what came and an example.
 */
export function readRequest(input: unknown): ReleaseRequest {
  const detailType =
    typeof input === "object" && input !== null && "detail-type" in input ? input["detail-type"] : undefined;
  if (detailType === undefined) return fromStart("console", parse(StartInput, input, refuse));
  if (detailType === "Release Requested") {
    const { id, detail } = parse(ReleaseRequested, input, refuse);
    return { ...fromStart("event", detail), event: id };
  }
  if (detailType === "ECR Image Action") return fromPush(parse(EcrPush, input, refuse));
  throw new SpillwayError(
    "InvalidInput",
    `A release starts from "ECR Image Action", "Release Requested" or a console start, not from "${String(detailType).slice(0, 80)}". Check the pattern of the EventBridge rule.`,
  );
}

function fromPush({ detail }: z.infer<typeof EcrPush>): ReleaseRequest {
  if (detail["action-type"] !== "PUSH" || detail.result !== "SUCCESS")
    throw new SpillwayError(
      "InvalidInput",
      `Only a successful PUSH starts a release; this event says ${detail["action-type"]} ${detail.result}.`,
    );
  if (detail["image-tag"] === "")
    throw new SpillwayError(
      "InvalidInput",
      "The pushed manifest has no tag: it is part of an index or an attestation, and the tagged manifest has an event of its own.",
    );
  return {
    trigger: "push",
    subject: { repository: detail["repository-name"] },
    image: { digest: detail["image-digest"], tag: detail["image-tag"] },
    environments: undefined,
    why: undefined,
    force: false,
  };
}

function fromStart(trigger: "console" | "event", start: z.infer<typeof StartInput>): ReleaseRequest {
  const { service, tag, digest, commit, environments, reason: why, force = false } = start;
  const image = readImage(tag, digest, commit);
  if (force && trigger === "event")
    throw new SpillwayError(
      "InvalidInput",
      'An event says nothing certain about who sent it, so it cannot force a release; a person starts the release machine with "force":true and a "reason".',
    );
  requireReason(force, why);
  return { trigger, subject: { service }, image, environments, why, force };
}

function readImage(
  tag: string | undefined,
  digest: string | undefined,
  commit: string | undefined,
): ReleaseRequest["image"] {
  if (commit !== undefined && (tag ?? digest) !== undefined)
    throw new SpillwayError("InvalidInput", `Give a commit or an image, not both: ${example}`);
  if (commit !== undefined) return { commit };
  if (digest !== undefined) return { digest, tag };
  if (tag !== undefined) return { tag };
  throw new SpillwayError("InvalidInput", `Say which image: ${example}`);
}

const example =
  'for example {"service":"web","tag":"3f2a91c"}, or "digest" or "commit" instead of "tag"; "environments" and "reason" may be added.';

function refuse(problems: readonly Problem[]): SpillwayError {
  return new SpillwayError(
    "InvalidInput",
    `${listProblems(problems, "input")}. A release starts from an ECR push or from an input, ${example}`,
  );
}

/** What a record of an earlier attempt at the same service and digest tells the door. */
export interface EarlierAttempt {
  readonly attempt: number;
  readonly executionArn: string;
  readonly open: boolean;
}

export type Admission =
  /** `again`: this very execution wrote the record already, and only its answer was lost. */
  | { readonly decision: "admit"; readonly attempt: number; readonly again: boolean }
  | { readonly decision: "duplicate"; readonly attempt: number; readonly reason: string };

/**
 * Decides whether a wish opens a release. A push of a digest that has a record is a duplicate; a person's wish
 * opens the next attempt unless one is open. A retried function recognises its own execution.
 */
export function decideAdmission(
  trigger: ReleaseRequest["trigger"],
  executionArn: string,
  latest: EarlierAttempt | undefined,
): Admission {
  if (latest === undefined) return { decision: "admit", attempt: 1, again: false };
  const { attempt, open } = latest;
  if (latest.executionArn === executionArn) return { decision: "admit", attempt, again: true };
  if (open)
    return {
      decision: "duplicate",
      attempt,
      reason: `attempt ${attempt} of this digest is still open: ${latest.executionArn}`,
    };
  if (trigger === "push")
    return {
      decision: "duplicate",
      attempt,
      reason: `this digest was released before (attempt ${attempt}); start it by hand to release it again`,
    };
  return { decision: "admit", attempt: attempt + 1, again: false };
}

/** The name of a release of an image: `web-3f2a91c0d4e5-1`. Fits execution names and log keys. */
export function releaseId(service: string, digest: string, attempt: number): string {
  return `${service}-${digest.replace("sha256:", "").slice(0, 12)}-${attempt}`;
}

/** The name of a release that begins with a commit, before there is an image: `web-c3f2a91c0d4e5-1`. */
export function sourceReleaseId(service: string, commit: string, attempt: number): string {
  return `${service}-c${commit.slice(0, 12)}-${attempt}`;
}

/** The tags that name a commit: its first 40 to 7 digits, the surest first. */
export function tagsOfCommit(commit: string): string[] {
  const shortest = 7;
  return Array.from({ length: commit.length - shortest + 1 }, (_, cut) =>
    commit.slice(0, commit.length - cut),
  );
}

/**
 * The waves of a release that goes to the named environments only; one that is in no wave comes first.
 * @throws SpillwayError InvalidInput, naming the environments there are.
 */
export function chooseWaves(
  { waves, environments }: Pick<ServiceConfig, "waves" | "environments">,
  wanted: readonly string[] | undefined,
): readonly (readonly string[])[] {
  if (wanted === undefined) return waves;
  const known = Object.keys(environments);
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new SpillwayError(
      "InvalidInput",
      `No environment is named ${unknown.join(", ").slice(0, 200)}; there are ${known.join(", ")}.`,
    );
  const listed = waves.flat();
  const apart = [...new Set(wanted.filter((name) => !listed.includes(name)))];
  return [apart, ...waves.map((wave) => wave.filter((name) => wanted.includes(name)))].filter(
    ({ length }) => length > 0,
  );
}

/**
 * Whether an image is older than what is live wherever it would go, so that releasing it could only go back.
 * @param places the environments of its waves, with what is live there.
 * @returns in words by what it is superseded; undefined if there is a place where it is not.
 */
export function decideSuperseded(
  sequence: number,
  places: readonly { readonly environment: string; readonly live?: Revision | undefined }[],
): string | undefined {
  const newer = places.map(({ environment, live }) =>
    live === undefined || live.sequence <= sequence
      ? undefined
      : `${environment} runs ${live.release} (${live.sequence})`,
  );
  if (newer.length === 0 || newer.includes(undefined)) return undefined;
  return `older (${sequence}) than what is live: ${newer.join(", ")}`;
}
