import { brings, type Intent } from "./intent.ts";
import type { EnvironmentRecord, Lease } from "./records.ts";
import { describeFrozen } from "./turn.ts";

/**
 * The timeout of every function, in seconds: so long a function may go on working after the execution that called it
 * has ended, so long its lease is not taken over.
 */
export const functionTimeoutSeconds = 60;

export type LeaseDecision =
  | { readonly decision: "take"; readonly lease: Lease; readonly previous: Lease | undefined }
  /** This execution holds it already: its answer was lost. */
  | { readonly decision: "keep"; readonly lease: Lease }
  | { readonly decision: "wait"; readonly holder: Lease }
  /**
   * `Superseded`: while it took its turn, a newer one took its place in line. `TurnPassed`: what keeps it from
   * beginning came after its turn was given; it has its place in line and waits there.
   */
  | {
      readonly decision: "refuse";
      readonly error: "DeploymentRefused" | "Superseded" | "TurnPassed";
      readonly reason: string;
    };

/**
 * Decides who may change an environment. Who brings something new must be the next in line; a rollback or a recovery
 * stands in none.
 * @param holder what is known of the execution that holds the lease; `quietSince` is when it ended (milliseconds),
 *   undefined while it runs, while something that it began goes on, or if that cannot be told: in doubt the lease
 *   stays with its owner.
 */
export function decideLease(
  environment: EnvironmentRecord,
  wish: {
    readonly owner: string;
    readonly release: string;
    readonly reason: string;
    readonly intent: Intent;
    /** A person looked and says so. */
    readonly force?: boolean;
    /** Why nothing new begins now, in words: a freeze or a stopped line; undefined if neither keeps it. */
    readonly closed?: string | undefined;
  },
  holder: { readonly quietSince: number | undefined },
  now: number,
): LeaseDecision {
  const { lease, frozen, fence, next } = environment;
  const { intent, force = false, closed, ...own } = wish;
  if (lease?.owner === wish.owner) return { decision: "keep", lease };
  // A freeze is there until a person looks; a rollback, a recovery or a forced release is a person's way out of it.
  if (frozen !== undefined && brings(intent) && !force)
    return {
      decision: "refuse",
      error: "DeploymentRefused",
      reason: describeFrozen(environment.environment, frozen),
    };
  if (brings(intent) && next?.execution !== wish.owner)
    return {
      decision: "refuse",
      error: "Superseded",
      reason: `${next?.release ?? "another execution"} took the place of ${wish.release} in line for ${environment.environment}`,
    };
  if (brings(intent) && closed !== undefined)
    return { decision: "refuse", error: "TurnPassed", reason: closed };
  if (lease !== undefined && !isQuiet(holder.quietSince, now)) return { decision: "wait", holder: lease };
  return { decision: "take", lease: { ...own, fence: fence + 1, since: now }, previous: lease };
}

/** Whether nothing of an execution can be at work any more; `quietSince` as `decideLease` takes it. */
export function isQuiet(quietSince: number | undefined, now: number): boolean {
  return quietSince !== undefined && now - quietSince > functionTimeoutSeconds * 1000;
}
