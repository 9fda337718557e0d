import { brings } from "../../../core/intent.ts";
import type { Deployment } from "../../../core/records.ts";
import { type Effect, ofKind } from "../history.ts";
import type { Invariant } from "./all.ts";
import { forcedAt } from "./words.ts";

/**
 * Where a deployment ended so that a person has to look, nothing new begins until somebody went back, recovered it or
 * forced a release, and that went well. Who had the lease when tells the order; an end counts if it is its execution's
 * own.
 */
export const nothingBeginsWhereAPersonMustLook: Invariant = ({ history, records }) => {
  const forced = forcedAt(history);
  const attention = attentionOf(history);
  const left = new Map<string, string>();
  return ofKind(history, "lease").flatMap(({ at, service, environment, owner }) => {
    const own = records.deployments.find(({ executionArn }) => executionArn === owner);
    if (own === undefined) return [];
    const place = `${service}/${environment}`;
    const before = left.get(place);
    const isHeedless = before !== undefined && brings(own.intent) && forced(owner) === undefined;
    if (own.outcome === "Released") left.delete(place);
    if (attention.has(owner) && !isEndedByOthers(own) && isLeftToAPerson(own)) left.set(place, own.release);
    return isHeedless
      ? [`${own.release} began in ${place} at ${at / 1000} s, where a person has to look since ${before}`]
      : [];
  });
};

/** The executions that ended as NeedsAttention, and did so once. */
function attentionOf(history: readonly Effect[]): Set<unknown> {
  const begun = new Map<unknown, number>();
  const needing = new Set<unknown>();
  for (const { event } of ofKind(history, "event")) {
    if (event["detail-type"] !== "Step Functions Execution Status Change") continue;
    const { executionArn, status, error } = event.detail;
    if (status === "RUNNING") begun.set(executionArn, (begun.get(executionArn) ?? 0) + 1);
    if (error === "NeedsAttention") needing.add(executionArn);
  }
  return new Set([...needing].filter((arn) => begun.get(arn) === 1));
}

/** Whether its own end could not be recorded, so that it has that of the recovery that came after it. */
function isEndedByOthers({ reason = "" }: Deployment): boolean {
  return reason.startsWith("its execution was broken off");
}

/**
 * Whether a deployment ended so that its environment is left to a person. A first deployment that fails leaves nothing
 * to protect, and what cannot be told in the end serves and is kept.
 */
export function isLeftToAPerson({ outcome, rollback, bake }: Deployment): boolean {
  const isUnproven = bake?.verdict === "inconclusive" && rollback === undefined;
  return outcome === "NeedsAttention" && rollback?.action !== "nothing-to-go-back-to" && !isUnproven;
}
