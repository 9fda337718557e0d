import * as z from "zod/mini";
import type { Failure } from "./errors.ts";
import type { Verdict } from "./health.ts";

/** How a release or a deployment ended. */
export const Outcome = z.enum([
  "Released",
  "Built",
  "Duplicate",
  "Superseded",
  "Rejected",
  "RolledBack",
  "Expired",
  "Cancelled",
  "NeedsAttention",
]);
export type Outcome = z.infer<typeof Outcome>;

/** What is known when a deployment ends. */
export interface DeploymentFacts {
  readonly failures: readonly Failure[];
  readonly verdict: Verdict | undefined;
  /** Whether the migration task may have run. */
  readonly migrationBegun: boolean;
  /** The schema before and after, if the migration told; undefined if nobody knows. */
  readonly schemaChanged: boolean | undefined;
  readonly rollback: "nothing-done" | "already-back" | "restored" | "nothing-to-go-back-to" | undefined;
}

/**
 * How a deployment ended, and whether its environment is frozen until a person looks.
 * Anything we could not undo or could not tell needs attention; a failed first deployment does too, but there is
 * nothing to protect, so the environment stays open for the next release.
 */
export function decideDeploymentOutcome(facts: DeploymentFacts): {
  outcome: Outcome;
  freeze: boolean;
  reason: string;
} {
  const [first, ...later] = facts.failures;
  if (first === undefined) return { outcome: "Released", freeze: false, reason: "healthy" };
  const reason = [first, ...later].map(({ error, cause }) => `${error}: ${cause}`).join("; then ");
  if (facts.rollback === "nothing-to-go-back-to") return { outcome: "NeedsAttention", freeze: false, reason };
  if (later.length > 0 || facts.rollback === undefined)
    return { outcome: "NeedsAttention", freeze: true, reason };
  if (facts.rollback === "nothing-done")
    return facts.migrationBegun
      ? afterMigration(facts.schemaChanged, reason)
      : { outcome: "Rejected", freeze: false, reason };
  return facts.verdict === "healthy"
    ? { outcome: "RolledBack", freeze: false, reason }
    : { outcome: "NeedsAttention", freeze: true, reason };
}

function afterMigration(
  changed: boolean | undefined,
  reason: string,
): { outcome: Outcome; freeze: boolean; reason: string } {
  if (changed === false) return { outcome: "RolledBack", freeze: false, reason };
  const state = changed ? "the schema was changed" : "whether the schema was changed is unknown";
  return { outcome: "NeedsAttention", freeze: true, reason: `${reason}; ${state}` };
}

/** What is known when a release ends. */
export interface ReleaseFacts {
  readonly failures: readonly Failure[];
  readonly deployments: readonly {
    readonly environment: string;
    readonly outcome: Outcome | undefined;
    readonly reason: string | undefined;
  }[];
}

const gravest: readonly Outcome[] = [
  "NeedsAttention",
  "RolledBack",
  "Cancelled",
  "Expired",
  "Superseded",
  "Rejected",
];

/** How a release ended: the gravest end among its deployments, or Rejected if it never came to one. */
export function decideReleaseOutcome({ failures, deployments }: ReleaseFacts): {
  outcome: Outcome;
  reason: string;
} {
  const unfinished = deployments.find(({ outcome }) => outcome === undefined);
  if (unfinished !== undefined)
    return {
      outcome: "NeedsAttention",
      reason: `the deployment to ${unfinished.environment} has no end on record`,
    };
  for (const outcome of gravest) {
    const match = deployments.find((deployment) => deployment.outcome === outcome);
    if (match !== undefined) return { outcome, reason: `${match.environment}: ${match.reason ?? outcome}` };
  }
  const [first] = failures;
  if (first === undefined) return { outcome: "Released", reason: "every environment is healthy" };
  return { outcome: "Rejected", reason: `${first.error}: ${first.cause}` };
}

/** How a release by commit ended: Built once its image is in the registry, from where its own release goes on. */
export function decideBuildOutcome(
  failures: readonly Failure[],
  commit: string,
  pushed: { readonly tag: string; readonly digest: string } | undefined,
): { outcome: Outcome; reason: string } {
  const [first] = failures;
  if (first !== undefined) return { outcome: "Rejected", reason: `${first.error}: ${first.cause}` };
  if (pushed !== undefined)
    return { outcome: "Built", reason: `pushed ${pushed.digest} with the tag ${pushed.tag}` };
  return {
    outcome: "Rejected",
    reason: `BuildFailed: the build passed, but the repository has no image with the commit, or its first 7 to 40 digits, as its tag; let the buildspec push one, for example with the tag ${commit.slice(0, 12)}`,
  };
}
