import { decideFreeze, describeFreeze } from "./freeze.ts";
import { isForced } from "./quarantine.ts";
import type { Deployment, EnvironmentRecord, Release } from "./records.ts";

/** A deployment that wants its turn in an environment. */
export type InLine = Omit<NonNullable<EnvironmentRecord["next"]>, "why">;

/** What keeps the next in line from its turn: it waits, or it is refused; in words. */
export type Obstacle =
  | { readonly kind: "wait"; readonly why: string }
  | { readonly kind: "refuse"; readonly why: string };

export type TurnDecision =
  /** The place in line is free, or an older release has it, which is superseded. */
  | { readonly decision: "enter"; readonly displaced: InLine | undefined }
  | { readonly decision: "superseded"; readonly reason: string }
  | { readonly decision: "refuse"; readonly reason: string }
  /** It is the next; `why` says for what it waits. */
  | { readonly decision: "wait"; readonly why: string }
  | { readonly decision: "go" };

/**
 * Decides about a deployment that waits for its turn. There is one place in line in each environment, and the newest
 * release has it, in whatever order they come: who finds a newer one there is superseded, and so is who is found
 * there by a newer one.
 * @param obstacle what keeps it from its turn if it is the next; undefined if nothing does.
 */
export function decideTurn(
  { environment, lease, next }: Pick<EnvironmentRecord, "environment" | "lease" | "next">,
  own: InLine,
  obstacle: Obstacle | undefined,
): TurnDecision {
  // Its turn was given, and only the answer was lost.
  if (lease?.owner === own.execution) return { decision: "go" };
  if (next?.execution !== own.execution) return decidePlace(environment, own, next);
  if (obstacle === undefined) return { decision: "go" };
  if (obstacle.kind === "refuse") return { decision: "refuse", reason: obstacle.why };
  return { decision: "wait", why: obstacle.why };
}

function decidePlace(environment: string, own: InLine, next: InLine | undefined): TurnDecision {
  if (next === undefined || comesAfter(own, next)) return { decision: "enter", displaced: next };
  return {
    decision: "superseded",
    reason: `${next.release} (order ${next.sequence}) is newer than ${own.release} (order ${own.sequence}) and takes the next turn in ${environment}`,
  };
}

/** Whether a deployment is newer than another: by the order of their builds, then by when they were opened. */
export function comesAfter(one: InLine, other: InLine): boolean {
  if (one.sequence !== other.sequence) return one.sequence > other.sequence;
  if (one.openedAt !== other.openedAt) return one.openedAt > other.openedAt;
  return one.execution > other.execution;
}

/**
 * What keeps the next in line from its turn, as far as the environment's record tells: somebody has the lease, a
 * rollback or a recovery waits for it and comes first, a person stopped the line, or a person must look before
 * anything is deployed.
 */
export function obstacleOf({
  environment,
  lease,
  ahead,
  frozen,
  stopped,
}: Pick<EnvironmentRecord, "environment" | "lease" | "ahead" | "frozen" | "stopped">): Obstacle | undefined {
  if (frozen !== undefined) return { kind: "refuse", why: describeFrozen(environment, frozen) };
  if (stopped !== undefined) return { kind: "wait", why: describeStopped(environment, stopped) };
  if (lease !== undefined)
    return {
      kind: "wait",
      why: `${environment} is being changed since ${moment(lease.since)}: ${lease.reason}`,
    };
  if (ahead !== undefined)
    return { kind: "wait", why: `${ahead.reason} comes first; it waits since ${moment(ahead.since)}` };
  return undefined;
}

/**
 * Why nothing new begins in an environment now, in words: its line is stopped, or it is frozen by the calendar and
 * nobody let this release go; undefined if neither is so.
 */
export function describeClosed(
  {
    environment,
    stopped,
    freezeOverride,
  }: Pick<EnvironmentRecord, "environment" | "stopped" | "freezeOverride">,
  { freezes = [], ...deployment }: Pick<Deployment, "freezes" | "force" | "openedAt">,
  release: Pick<Release, "id" | "force" | "openedAt">,
  now: number,
): string | undefined {
  if (stopped !== undefined) return describeStopped(environment, stopped);
  const decided = decideFreeze(freezes, now);
  if (!decided.frozen || freezeOverride?.release === release.id || isForced(deployment, release))
    return undefined;
  return describeFreeze(environment, release.id, decided);
}

function describeStopped(
  environment: string,
  { since, by, reason }: NonNullable<EnvironmentRecord["stopped"]>,
): string {
  return `the line of ${environment} is stopped since ${moment(since)} by ${by}: ${reason}; it waits until somebody resumes the line`;
}

/** Why nothing is deployed to a frozen environment, and what lifts that. */
export function describeFrozen(
  environment: string,
  { reason, since }: NonNullable<EnvironmentRecord["frozen"]>,
): string {
  return `${environment}: the environment is frozen since ${moment(since)}: ${reason}; start {"intent":"recover",…} or {"intent":"rollback",…} to lift it, or a release by hand with "force":true and a "reason"`;
}

function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
