import * as z from "zod/mini";
import { ofKind } from "../history.ts";
import type { Invariant } from "./all.ts";

const named = new Set(["Rejected", "RolledBack", "Expired", "Cancelled", "NeedsAttention"]);

const Recovery = z.object({ AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: z.string() });

/** At the deadline nothing goes on; every execution succeeded, was stopped or failed with a name of ours. */
export const everythingEnds: Invariant = ({ history, stillOpen }) => {
  const strange = ofKind(history, "event").flatMap(({ event: { "detail-type": type, detail } }) => {
    if (type !== "Step Functions Execution Status Change" || detail.status !== "FAILED") return [];
    return named.has(String(detail.error)) || !("error" in detail)
      ? []
      : [`${detail.executionArn} failed as ${detail.error}: ${detail.cause}`];
  });
  return [...stillOpen.map((what) => `at the deadline ${what}`), ...strange];
};

/** Every record is closed with an outcome. */
export const nothingIsLeftRunning: Invariant = ({ records }) => [
  ...records.open.map((key) => `${key} is open`),
  ...[...records.releases, ...records.deployments]
    .filter(({ outcome, reason }) => outcome === undefined || reason === undefined)
    .map(
      (record) =>
        `${"id" in record ? record.id : `${record.release} in ${record.environment}`} has no outcome and reason`,
    ),
];

/**
 * Whose execution succeeded has closed what it opened: what others had to close was broken off, or failed. Where no
 * fault keeps it from that, it has given its lease back, too.
 */
export const closedByItself: Invariant = ({ plan: { faults }, history, records }) => {
  const succeeded = new Set(
    ofKind(history, "event").flatMap(({ event: { detail } }) =>
      detail.status === "SUCCEEDED" ? [String(detail.executionArn)] : [],
    ),
  );
  const isCalm = faults.calls === 0 && faults.unlucky === undefined;
  const freed = ofKind(history, "freed").filter(
    ({ before, execution }) => isCalm && execution !== before && succeeded.has(before),
  );
  return [
    ...[...records.releases, ...records.deployments].flatMap(({ reason = "" }) =>
      /ended as SUCCEEDED/.test(reason) ? [`others had to close what succeeded: ${reason}`] : [],
    ),
    ...freed.map(({ before, environment }) => `others had to free the lease of ${environment} for ${before}`),
  ];
};

/** No environment is locked when nothing goes on, and it is on record why the last lease ended. */
export const leasesAreFreed: Invariant = ({ records }) =>
  records.environments.flatMap(({ service, environment, lease, fence, freed }) => {
    if (lease !== undefined) return [`${service} in ${environment} is still held: ${lease.reason}`];
    return fence > 0 && freed === undefined
      ? [`${service} in ${environment}: nobody knows why the lease ended`]
      : [];
  });

/**
 * Once a recovery went well, what was broken off before it is closed with it, and not recovered once more; nor is it
 * while a recovery is at work. A recovery that a person has go on is none.
 */
export const recoveredOnce: Invariant = ({ history }) => {
  const well = new Set<string>();
  const atWork = new Set<string>();
  const begun = new Set<string>();
  return ofKind(history, "event").flatMap(({ event: { "detail-type": type, detail } }) => {
    if (type !== "Step Functions Execution Status Change") return [];
    const arn = String(detail.executionArn);
    const [, nth = "", base = ""] = /:recover-(\d)-(\w+)$/.exec(arn) ?? [];
    if (base === "") return [];
    if (detail.status === "SUCCEEDED") well.add(base);
    if (detail.status !== "RUNNING") {
      atWork.delete(base);
      return [];
    }
    const before = well.has(base) ? "it was recovered before" : "a recovery of it was at work";
    const again = !begun.has(arn) && (well.has(base) || atWork.has(base));
    begun.add(arn);
    atWork.add(base);
    return again ? [`${base} is recovered for the ${nth}. time although ${before}`] : [];
  });
};

/** Only an execution that has ended is taken for broken off: nobody recovers an environment from one that goes on. */
export const onlyTheBrokenAreRecovered: Invariant = ({ history, records }) => {
  const ended = new Set<string>();
  const early = history.flatMap((effect) => {
    if (effect.kind !== "event" || effect.event["detail-type"] !== "Step Functions Execution Status Change")
      return [];
    const { executionArn, status, input } = effect.event.detail;
    if (status !== "RUNNING") ended.add(String(executionArn));
    if (!/:recover-\d-\w+$/.test(String(executionArn)) || status !== "RUNNING") return [];
    const { AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: broken } = Recovery.parse(JSON.parse(String(input)));
    return ended.has(broken)
      ? []
      : [`a recovery from ${broken} began at ${effect.at / 1000} s, which had not ended`];
  });
  const closed = records.deployments.flatMap(({ release, environment, reason = "" }) =>
    /ended as RUNNING/.test(reason)
      ? [`${release} in ${environment} was closed while it went on: ${reason}`]
      : [],
  );
  return [...early, ...closed];
};
