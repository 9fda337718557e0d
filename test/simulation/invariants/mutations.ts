import { functionTimeoutSeconds } from "../../../core/lease.ts";
import { ofKind } from "../history.ts";
import type { Invariant } from "./all.ts";
import { type Change, changesOf, describeChange } from "./changes.ts";
import { isLeftToAPerson } from "./frozen.ts";

/** Two executions never change one environment in overlapping times. */
export const oneDeploymentAtOnce: Invariant = ({ history }) => {
  const changes = changesOf(history);
  return changes.flatMap((one, at) =>
    changes
      .slice(at + 1)
      .filter(
        (other) => isSamePlace(one, other) && one.execution !== other.execution && other.from < one.until,
      )
      .map((other) => `${describeChange(one)} went on when ${describeChange(other)} began`),
  );
};

function isSamePlace(one: Change, other: Change): boolean {
  return one.service === other.service && one.environment === other.environment;
}

/**
 * Whoever changes an environment has its lease at that moment. What AWS takes up when every try at it is over, and a
 * person has to look there for that, finds nobody with the lease.
 */
export const onlyTheHolderChanges: Invariant = ({ history, records }) =>
  changesOf(history)
    .filter(({ execution, holder }) => execution !== holder)
    .filter(({ execution, holder }) => {
      const own = records.deployments.find(({ executionArn }) => executionArn === execution);
      return holder !== undefined || own === undefined || !isLeftToAPerson(own);
    })
    .map((change) => `${describeChange(change)}, while the lease was held by ${change.holder ?? "nobody"}`);

/** By how many milliseconds the clock of a function may be wrong, and that of another the other way. */
const skews = 6_000;

/**
 * The lease is taken from an execution, or freed by another, only when it has ended so long ago that no function of it
 * is at work, and nothing that it began goes on.
 */
export const takenOverFromTheGone: Invariant = ({ history }) => {
  const ended = new Map<unknown, number>();
  const changes = changesOf(history);
  return history.flatMap((effect) => {
    if (effect.kind === "event" && effect.event["detail-type"] === "Step Functions Execution Status Change") {
      const { status, executionArn } = effect.event.detail;
      if (status === "RUNNING") ended.delete(executionArn);
      else ended.set(executionArn, effect.at);
    }
    if (effect.kind !== "lease" && effect.kind !== "freed") return [];
    const { at, before, environment } = effect;
    const own = effect.kind === "freed" && effect.execution === before;
    if (before === undefined || own) return [];
    const since = ended.get(before);
    const goesOn = changes.find(
      ({ execution, from, until }) => execution === before && from < at && at < until,
    );
    const isGone = since !== undefined && at - since > functionTimeoutSeconds * 1000 - skews;
    if (isGone && goesOn === undefined) return [];
    const of = since === undefined ? "which had not ended" : `which had ended at ${since / 1000} s`;
    const how = goesOn === undefined ? of : `of which this went on: ${describeChange(goesOn)}`;
    return [`the lease of ${environment} was taken at ${at / 1000} s from ${before}, ${how}`];
  });
};

/** Nobody gives his lease back while something that he began goes on, unless a person has to look there. */
export const givenBackWhenAllIsQuiet: Invariant = ({ history, records }) => {
  const changes = changesOf(history);
  return ofKind(history, "freed").flatMap(({ at, before, execution, environment }) => {
    const own = records.deployments.find(({ executionArn }) => executionArn === before);
    if (execution !== before || own === undefined || isLeftToAPerson(own)) return [];
    return changes
      .filter((one) => one.execution === before && one.from < at && at < one.until)
      .map(
        (change) => `the lease of ${environment} was given back at ${at / 1000} s: ${describeChange(change)}`,
      );
  });
};

/**
 * An execution asks a target once for the same, begins a migration once for the same, and a build for each try of it,
 * of which one goes on at a time.
 */
export const workIsAskedForOnce: Invariant = ({ history }) => {
  const seen = new Map<string, Change>();
  const begun = new Set<string>();
  const running = new Map<string, string>();
  const builds = ofKind(history, "build").flatMap(({ phase, variables: { SPILLWAY_WORK = "" }, at }) => {
    const work = SPILLWAY_WORK.replace(/\/\d+$/, "");
    const other = running.get(work);
    if (phase === "ended") running.delete(work);
    if (phase === "ended") return [];
    running.set(work, SPILLWAY_WORK);
    const again = begun.has(SPILLWAY_WORK);
    begun.add(SPILLWAY_WORK);
    const says = `a build for ${SPILLWAY_WORK} was begun`;
    return [
      ...(again ? [`${says} once more at ${at / 1000} s`] : []),
      ...(other === undefined ? [] : [`${says} at ${at / 1000} s while that for ${other} went on`]),
    ];
  });
  const changes = changesOf(history).flatMap((change) => {
    const key = [change.kind, change.by, change.execution, change.what].join(" ");
    const first = seen.get(key);
    seen.set(key, first ?? change);
    return first === undefined
      ? []
      : [`${describeChange(change)}, and before that at ${first.from / 1000} s`];
  });
  return [...changes, ...builds];
};
