import { brings, type Intent } from "./intent.ts";
import type { EnvironmentRecord, Lease } from "./records.ts";

export type LeaseDecision =
  | { readonly decision: "take"; readonly lease: Lease; readonly previousOwner: string | undefined }
  /** This execution holds it already: its answer was lost. */
  | { readonly decision: "keep"; readonly lease: Lease }
  | { readonly decision: "wait"; readonly holder: Lease }
  | { readonly decision: "refuse"; readonly reason: string };

/**
 * Decides who may change an environment.
 * @param holder what is known of the execution that holds the lease; `quietSince` is when it ended (milliseconds),
 *   undefined while it runs or if that cannot be told: in doubt the lease stays with its owner.
 * @param longestFunctionMilliseconds a function of an ended execution may still be running this long.
 */
export function decideLease(
  environment: EnvironmentRecord,
  wish: {
    readonly owner: string;
    readonly release: string;
    readonly reason: string;
    readonly intent: Intent;
  },
  holder: { readonly quietSince: number | undefined },
  now: number,
  longestFunctionMilliseconds: number,
): LeaseDecision {
  const { lease, frozen, fence } = environment;
  const { intent, ...own } = wish;
  if (lease?.owner === wish.owner) return { decision: "keep", lease };
  // A freeze is there until a person looks; a rollback or a recovery is a person's way out of it.
  if (frozen !== undefined && brings(intent))
    return {
      decision: "refuse",
      reason: `the environment is frozen since ${new Date(frozen.since).toISOString()}: ${frozen.reason}; start {"intent":"recover",…} or {"intent":"rollback",…} to lift it`,
    };
  const ended = holder.quietSince !== undefined && now - holder.quietSince > longestFunctionMilliseconds;
  if (lease !== undefined && !ended) return { decision: "wait", holder: lease };
  return { decision: "take", lease: { ...own, fence: fence + 1, since: now }, previousOwner: lease?.owner };
}
