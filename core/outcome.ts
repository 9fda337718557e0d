import * as z from "zod/mini";
import type { Failure } from "./errors.ts";
import type { Verdict } from "./health.ts";
import type { Intent } from "./intent.ts";

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
  readonly intent: Intent;
  /** Whether it ever held the environment's lease; without it, it touched nothing. */
  readonly leased: boolean;
  readonly failures: readonly Failure[];
  readonly verdict: Verdict | undefined;
  /** Whether the migration task may have run. */
  readonly migrationBegun: boolean;
  /** Whether the schema is another than before, if that was told; undefined if nobody knows. */
  readonly schemaChanged: boolean | undefined;
  readonly rollback: RollbackAction | undefined;
  /** Whether it was cancelled; then its failure may be that. */
  readonly cancelled?: boolean | undefined;
}

/** How an environment was brought back, or why it was not. */
export const RollbackAction = z.enum([
  "nothing-done",
  "already-back",
  "restored",
  "nothing-to-go-back-to",
  "left",
  "schema-in-the-way",
]);
export type RollbackAction = z.infer<typeof RollbackAction>;

export interface DeploymentEnd {
  readonly outcome: Outcome;
  /** Whether nothing more is deployed here until a person looked. */
  readonly freeze: boolean;
  /** Whether the release that was deployed is what is live now. */
  readonly stays: boolean;
}

const attention: DeploymentEnd = { outcome: "NeedsAttention", freeze: true, stays: false };
const rolledBack: DeploymentEnd = { outcome: "RolledBack", freeze: false, stays: false };
/** It serves and was healthy, but whether it stays so could not be told: it is kept, and goes no further. */
const unproven: DeploymentEnd = { outcome: "NeedsAttention", freeze: false, stays: true };

/**
 * How a deployment ended, and whether its environment is frozen until a person looks. `Released` says that what was
 * asked for is live and healthy, whether that is a new release or an older one.
 * Anything we could not undo or could not tell needs attention; a failed first deployment does too, but there is
 * nothing to protect, so the environment stays open for the next release.
 */
export function decideDeploymentOutcome(facts: DeploymentFacts): DeploymentEnd {
  const end = decideEnd(facts);
  const benign = end.outcome !== "Released" && end.outcome !== "NeedsAttention";
  return benign && endedByCancelling(facts) ? { ...end, outcome: "Cancelled" } : end;
}

/** A cancelled migration is told to stop, and then fails like any that is. */
function endedByCancelling({ failures: [first], cancelled }: DeploymentFacts): boolean {
  return first?.error === "Cancelled" || (cancelled === true && first?.error === "MigrationFailed");
}

function decideEnd(facts: DeploymentFacts): DeploymentEnd {
  const { intent, leased, failures, rollback, verdict } = facts;
  const [first, ...later] = failures;
  if (rollback === "nothing-to-go-back-to") return { ...attention, freeze: false };
  if (rollback === "schema-in-the-way") return attention;
  if (first === undefined) return { outcome: "Released", freeze: false, stays: true };
  const untouched = { outcome: endsOfItsOwn(first.error) ?? "Rejected", freeze: false, stays: false };
  if (!leased) return untouched;
  if (first.error === "BakeInconclusive" && later.length === 0) return unproven;
  if (later.length > 0 || rollback === undefined || intent === "recover") return attention;
  if (rollback === "nothing-done") return facts.migrationBegun ? afterMigration(facts) : untouched;
  if (intent === "rollback") return attention;
  return verdict === "healthy" ? rolledBack : attention;
}

/** The end that an error says by its name, as long as nothing was touched. */
function endsOfItsOwn(error: string): Outcome | undefined {
  return error === "Superseded" || error === "Expired" ? error : undefined;
}

function afterMigration({ schemaChanged }: DeploymentFacts): DeploymentEnd {
  return schemaChanged === false ? rolledBack : attention;
}

/** What is known when a release ends. */
export interface ReleaseFacts {
  readonly failures: readonly Failure[];
  readonly deployments: readonly {
    readonly environment: string;
    readonly outcome?: Outcome | undefined;
    readonly reason?: string | undefined;
  }[];
  /** Every environment that it should reach; absent: not known. */
  readonly planned?: readonly string[] | undefined;
  /** In words, if it was cancelled. */
  readonly cancelled?: string | undefined;
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
export function decideReleaseOutcome({ failures, deployments, planned, cancelled }: ReleaseFacts): {
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
  if (reachedAll(planned, deployments))
    return {
      outcome: "Released",
      reason: "every environment is healthy, though an execution was broken off",
    };
  if (cancelled !== undefined)
    return { outcome: "Cancelled", reason: describeReached(cancelled, deployments) };
  return { outcome: "Rejected", reason: `${first.error}: ${first.cause}` };
}

function reachedAll(planned: readonly string[] = [], deployments: ReleaseFacts["deployments"]): boolean {
  const live = deployments
    .filter(({ outcome }) => outcome === "Released")
    .map(({ environment }) => environment);
  return planned.length > 0 && planned.every((name) => live.includes(name));
}

function describeReached(cancelled: string, deployments: ReleaseFacts["deployments"]): string {
  const live = deployments.map(({ environment }) => environment).join(", ");
  return live === "" ? cancelled : `${cancelled}; it is live in ${live}`;
}

/** How a release by commit ended: Built once its image is in the registry, from where its own release goes on. */
export function decideBuildOutcome(
  failures: readonly Failure[],
  commit: string,
  pushed: { readonly tag: string; readonly digest: string } | undefined,
  cancelled?: string,
): { outcome: Outcome; reason: string } {
  const [first] = failures;
  if (first !== undefined && cancelled !== undefined) return { outcome: "Cancelled", reason: cancelled };
  if (first !== undefined) return { outcome: "Rejected", reason: `${first.error}: ${first.cause}` };
  if (pushed !== undefined)
    return { outcome: "Built", reason: `pushed ${pushed.digest} with the tag ${pushed.tag}` };
  return {
    outcome: "Rejected",
    reason: `BuildFailed: the build passed, but the repository has no image with the commit, or its first 7 to 40 digits, as its tag; let the buildspec push one, for example with the tag ${commit.slice(0, 12)}`,
  };
}

/** How an execution ended, as Step Functions tells it. */
export interface ExecutionEnd {
  readonly executionArn: string;
  /** ABORTED, FAILED, TIMED_OUT or SUCCEEDED. */
  readonly status: string;
  /** What a person who stopped it wrote. */
  readonly cause: string | undefined;
}

/**
 * How a deployment ended that touched nothing and whose execution was ended by others: by a person, because its time
 * was up, or because Step Functions could not go on.
 * @param status of the execution: ABORTED, TIMED_OUT or FAILED; undefined if that is not known any more.
 * @param isCancelled whether a person had cancelled it before.
 */
export function endUntouched(status: string | undefined, isCancelled: boolean): Outcome {
  if (status === "ABORTED" || isCancelled) return "Cancelled";
  return status === "TIMED_OUT" ? "Expired" : "Rejected";
}

/**
 * How a release ended whose execution ended without closing it. A person who stopped it cancelled it; if anything else
 * ended it when some of its environments were live, a person has to look how far it should go.
 */
export function decideAbandonedOutcome(
  { executionArn, status, cause }: ExecutionEnd,
  deployments: ReleaseFacts["deployments"],
  isCancelled: boolean,
): { outcome: Outcome; reason: string } {
  const how = `its execution ended as ${status}${cause ? ` (${cause})` : ""} without closing the release: ${executionArn}`;
  const { outcome, reason } = decideReleaseOutcome({ failures: [], deployments });
  if (outcome !== "Released") return { outcome, reason: `${reason}; ${how}` };
  const live = deployments.map(({ environment }) => environment).join(", ");
  if (live === "") return { outcome: endUntouched(status, isCancelled), reason: how };
  return {
    outcome: status === "ABORTED" || isCancelled ? "Cancelled" : "NeedsAttention",
    reason: `it is live in ${live}; ${how}`,
  };
}
