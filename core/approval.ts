import * as z from "zod/mini";
import { ApprovalConfig } from "./config.ts";
import { SpillwayError } from "./errors.ts";
import { Digest } from "./image.ts";
import { isNamed, isSamePerson, type Person } from "./person.ts";

const Word = z.object({
  /** The ARN as AWS saw it, with its session. */
  by: z.string(),
  /** The person whom it stands for, and the person's name where that is known. */
  person: z.string(),
  name: z.optional(z.string()),
  at: z.number(),
  reason: z.optional(z.string()),
});

/** What people said about one image in one environment: there is one of these for each, whoever asks how often. */
export const Approval = z.object({
  service: z.string(),
  environment: z.string(),
  digest: Digest,
  /** Counts the changes, so that no word overwrites another. */
  version: z.int(),
  /** The release for which it was asked. */
  release: z.string(),
  /** Who wanted it: the author that the image names; absent: not known. */
  requester: z.optional(z.string()),
  demands: ApprovalConfig,
  /** Milliseconds since the epoch; without the people's word by `expiresAt`, it ends as Expired. */
  requestedAt: z.number(),
  expiresAt: z.number(),
  given: z.array(Word),
  /** When the last of those needed gave theirs. */
  grantedAt: z.optional(z.number()),
  rejected: z.optional(Word),
  /** The attempts that wait for it. */
  waiting: z.array(z.object({ release: z.string(), attempt: z.int() })),
});
export type Approval = z.infer<typeof Approval>;

/** What a deployment's record keeps of the approval with which it went on. */
export const GrantedApproval = z.object({
  digest: Digest,
  grantedAt: z.number(),
  given: z.array(Word),
});
export type GrantedApproval = z.infer<typeof GrantedApproval>;

export type ApprovalState = "pending" | "granted" | "rejected" | "expired";

const hour = 3_600_000;

/** A granted approval holds for as long as people had to give it. */
export function stateOfApproval(approval: Approval, now: number): ApprovalState {
  const { rejected, grantedAt, demands, expiresAt } = approval;
  if (rejected !== undefined) return "rejected";
  if (grantedAt !== undefined)
    return now < grantedAt + demands.expiresAfterHours * hour ? "granted" : "expired";
  return now < expiresAt ? "pending" : "expired";
}

/** An attempt to deploy an image where people must approve it. */
export interface ApprovalRequest {
  readonly service: string;
  readonly environment: string;
  readonly digest: string;
  readonly release: string;
  readonly attempt: number;
  readonly requester: string | undefined;
  readonly demands: ApprovalConfig;
}

/**
 * The approval that an attempt waits for: what is asked already, or was given for this very image a while ago, or a
 * new one. People are not asked twice for the same; what they said under other rules is something else.
 * @throws SpillwayError NotApproved if nobody may approve it, because it does not say who made it.
 */
export function requestApproval(
  existing: Approval | undefined,
  { attempt, demands, ...request }: ApprovalRequest,
  now: number,
): Approval {
  if (request.requester === undefined && demands.unknownRequester === "refuse")
    throw new SpillwayError(
      "NotApproved",
      `Who made the image of ${request.release} is not known, and ${request.environment} lets nobody approve such a one; build it with the label dev.spillway.author.`,
    );
  const own = { release: request.release, attempt };
  const isOwn = (one: typeof own) => one.release === own.release && one.attempt === attempt;
  if (existing !== undefined) {
    const { waiting } = existing;
    if (waiting.some(isOwn)) return existing;
    const state = stateOfApproval(existing, now);
    if ((state === "pending" || state === "granted") && isAskedBy(existing, demands))
      return { ...existing, version: existing.version + 1, waiting: [...waiting, own] };
  }
  return {
    ...request,
    demands,
    version: (existing?.version ?? 0) + 1,
    requestedAt: now,
    expiresAt: now + demands.expiresAfterHours * hour,
    given: [],
    waiting: [own],
  };
}

/** Whether people were asked by these rules: the config may have changed since. */
export function isAskedBy({ demands: asked }: Pick<Approval, "demands">, demands: ApprovalConfig): boolean {
  return (
    asked.count === demands.count &&
    asked.selfApproval === demands.selfApproval &&
    asked.expiresAfterHours === demands.expiresAfterHours &&
    JSON.stringify(asked.by?.toSorted()) === JSON.stringify(demands.by?.toSorted())
  );
}

/** A person's word about an approval. */
export interface PersonsWord {
  readonly person: Person;
  readonly userArn: string;
  readonly at: number;
  readonly reason: string | undefined;
}

/**
 * Adds a person's approval; with the last that is needed it is granted.
 * @throws SpillwayError NotAllowed if the person may not, or may not approve what is their own; NothingToDo.
 */
export function giveApproval(approval: Approval, word: PersonsWord): Approval {
  refuseUnlessPending(approval, word.at);
  refuseOthers(approval.demands, word.person);
  const { demands, requester, given } = approval;
  if (!demands.selfApproval && requester !== undefined && isNamed(word.person, requester))
    throw new SpillwayError(
      "NotAllowed",
      `${requester} made this image, and ${approval.environment} wants somebody else to approve it.`,
    );
  const before = given.find((one) => isSamePerson({ arn: one.person, name: one.name }, word.person));
  if (before !== undefined)
    throw new SpillwayError(
      "NothingToDo",
      `${before.by} approved this already, on ${moment(before.at)}; ${missing(approval)}.`,
    );
  const all = [...given, asWord(word)];
  return {
    ...approval,
    version: approval.version + 1,
    given: all,
    ...(all.length >= demands.count ? { grantedAt: word.at } : {}),
  };
}

/** Rejects. Whoever may approve may, and one is enough; so may whoever wanted it. @throws SpillwayError as giveApproval */
export function rejectApproval(approval: Approval, word: PersonsWord): Approval {
  refuseUnlessPending(approval, word.at);
  const own = approval.requester !== undefined && isNamed(word.person, approval.requester);
  if (!own) refuseOthers(approval.demands, word.person);
  return { ...approval, version: approval.version + 1, rejected: asWord(word) };
}

function refuseUnlessPending(approval: Approval, now: number): void {
  const state = stateOfApproval(approval, now);
  if (state !== "pending") throw new SpillwayError("NothingToDo", `${describeApproval(approval, now)}.`);
}

function refuseOthers({ by }: ApprovalConfig, { arn }: Person): void {
  if (by === undefined || by.some((pattern) => covers(pattern, arn))) return;
  throw new SpillwayError("NotAllowed", `${arn} is none of those who may: ${by.join(", ")}.`);
}

/** Whether a pattern with `*` covers an ARN. */
function covers(pattern: string, arn: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === arn;
  const last = pattern.slice(pattern.lastIndexOf("*") + 1);
  if (!arn.startsWith(first) || arn.length < first.length + last.length || !arn.endsWith(last)) return false;
  const middle = arn.slice(first.length, arn.length - last.length);
  let at = 0;
  for (const part of rest.slice(0, -1)) {
    const found = middle.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

function asWord({ person, userArn, at, reason }: PersonsWord): z.infer<typeof Word> {
  return { by: userArn, person: person.arn, name: person.name, at, reason };
}

/** How an approval stands, in words. */
export function describeApproval(approval: Approval, now: number): string {
  const { given, rejected, release, environment, expiresAt, grantedAt } = approval;
  switch (stateOfApproval(approval, now)) {
    case "granted":
      return `${release} was approved for ${environment} by ${given.map(({ by }) => by).join(" and ")}`;
    case "rejected":
      return `${release} was rejected for ${environment} by ${rejected?.by}: ${rejected?.reason ?? "no reason was given"}`;
    case "expired":
      return grantedAt === undefined
        ? `nobody, or too few, approved ${release} for ${environment} by ${moment(expiresAt)} (${given.length} of ${approval.demands.count}); start it again to ask again`
        : `the approval of ${release} for ${environment} is too old; start it again to ask again`;
    case "pending":
      return `${release} waits for approval in ${environment}; ${missing(approval)}, by ${moment(expiresAt)}`;
  }
}

function missing({ given, demands }: Approval): string {
  const more = demands.count - given.length;
  return `${more} more ${more === 1 ? "person has" : "people have"} to approve it`;
}

/** Whether a deployment has the approval that its environment demands: of this very image, by as many as it takes. */
export function isApproved(
  approval: GrantedApproval | undefined,
  demands: ApprovalConfig | undefined,
  digest: string,
): boolean {
  if (demands === undefined) return true;
  return approval !== undefined && approval.digest === digest && approval.given.length >= demands.count;
}

function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
