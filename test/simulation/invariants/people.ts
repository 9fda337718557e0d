import { brings } from "../../../core/intent.ts";
import type { Deployment } from "../../../core/records.ts";
import { wantedIn } from "../approvers.ts";
import { type Effect, ofKind } from "../history.ts";
import type { Environment, Rules } from "../plan.ts";
import type { Ended, Invariant } from "./all.ts";
import { changesOf, describeChange } from "./changes.ts";
import { forcedAt } from "./words.ts";

/** When every world begins (milliseconds since the epoch): records tell the time of its clock. */
const worldBegins = Date.UTC(2026, 0, 1);
/** So long (milliseconds) a call may still take effect that was made before anybody said a word: a function's time, and the latest a call comes. */
const inFlight = 150_000;
/** By how many milliseconds a clock of ours may be wrong. */
const skew = 3_000;

function rulesOf({ plan }: Ended, environment: string): Rules {
  const { rules = {} } = plan.setting;
  return environment === "staging" || environment === "production"
    ? (rules[environment satisfies Environment] ?? {})
    : {};
}

/** The deployments that bring something, by their executions. */
function bringing({ records }: Ended): Map<string, Deployment> {
  return new Map(
    records.deployments
      .filter(({ intent }) => brings(intent))
      .map((deployment) => [deployment.executionArn, deployment]),
  );
}

function imageOf({ records }: Ended, release: string): { digest: string; author: string | undefined } {
  const found = records.releases.find(({ id }) => id === release);
  return { digest: found?.image?.digest ?? "", author: found?.author };
}

/** Where people must approve, nothing is changed before enough of them have; whoever made it does not count. */
export const approvedBeforeAnythingMoves: Invariant = (ended) => {
  const asked = ofKind(ended.history, "asked").filter(({ action }) => action === "approve");
  const forbidden = ofKind(ended.history, "answered").filter(({ status }) => status === 403);
  const deployments = bringing(ended);
  return changesOf(ended.history).flatMap((change) => {
    const deployment = deployments.get(change.execution ?? "");
    const { approvals = 0 } = rulesOf(ended, change.environment);
    if (deployment === undefined || approvals === 0 || change.by === "RollBack") return [];
    const { digest, author } = imageOf(ended, deployment.release);
    const given = asked.filter(
      (one) => one.digest === digest && one.environment === change.environment && one.at <= change.from,
    );
    const people = new Set(given.map(({ who }) => who).filter((who) => who !== author));
    for (const { who, digest: of, environment } of forbidden)
      if (of === digest && environment === change.environment) people.delete(who);
    return people.size >= approvals
      ? []
      : [`${describeChange(change)}, approved by ${[...people].join(", ") || "nobody"} of ${approvals}`];
  });
};

/** What nobody approved in time has expired: it does not end otherwise unless somebody or something else ends it. */
export const expiredEndsAsExpired: Invariant = (ended) =>
  [...bringing(ended).values()].flatMap(({ release, environment, outcome, reason = "", fence }) => {
    const { approvals = 0 } = rulesOf(ended, environment);
    const { digest } = imageOf(ended, release);
    const said = ofKind(ended.history, "asked").some(
      (one) => one.digest === digest && one.environment === environment,
    );
    if (approvals === 0 || said || fence !== undefined) return [];
    return outcome === "Rejected" &&
      !/ended as FAILED|LeaseLost|Lambda|AwsFault|Throttled|Sandbox|Runtime/.test(reason)
      ? [`${release} in ${environment}, about which nobody said a word, was rejected: ${reason}`]
      : [];
  });

/**
 * People are asked once for the word that a deployment waits for: whoever tries again tells them the same. Where another
 * deployment asked for the same image there, it may be that one's word that it waits for since.
 */
export const askedOnce: Invariant = ({ history }) => {
  const asked = ofKind(history, "call")
    .filter(({ by, operation }) => by === "RequestApproval" && operation === "AWSEvents.PutEvents")
    .flatMap(({ execution = "", input }) => wantedIn(input).map((wanted) => ({ execution, ...wanted })));
  return asked.flatMap(({ execution, digest, environment, expiresAt }, nth) => {
    const before = asked
      .slice(0, nth)
      .filter((one) => one.digest === digest && one.environment === environment);
    const isAlone = before.every((one) => one.execution === execution);
    return isAlone && before.some((one) => one.expiresAt !== expiresAt)
      ? [`${execution} asked anew about ${digest} in ${environment}`]
      : [];
  });
};

/** A rejected image is not brought there before somebody approves it anew. */
export const rejectedStaysAway: Invariant = (ended) => {
  const said = ofKind(ended.history, "answered").filter(({ status }) => status === 200);
  const asked = ofKind(ended.history, "asked").filter(({ action }) => action === "approve");
  const deployments = bringing(ended);
  return changesOf(ended.history).flatMap((change) => {
    const deployment = deployments.get(change.execution ?? "");
    if (deployment === undefined || change.by === "RollBack") return [];
    const { digest } = imageOf(ended, deployment.release);
    const isAbout = (one: { digest?: string | undefined; environment?: string | undefined; at: number }) =>
      one.digest === digest && one.environment === change.environment && one.at <= change.from;
    const rejected = said.findLast((one) => one.action === "reject" && isAbout(one));
    if (rejected === undefined) return [];
    const isLater = ({ at }: { at: number }) => at > rejected.at - 70_000;
    const isAskedAnew = ofKind(ended.history, "call").some(
      (call) => call.by === "RequestApproval" && call.operation === "AWSEvents.PutEvents" && isLater(call),
    );
    if (isAskedAnew && asked.some((one) => isAbout(one) && isLater(one))) return [];
    return [`${describeChange(change)}, which ${rejected.who} rejected at ${rejected.at / 1000} s`];
  });
};

/**
 * In a freeze nobody begins but who goes back, and who was let go by a person, or is forced. In a stopped line nobody
 * begins but who goes back.
 */
export const nothingBeginsInAFreeze: Invariant = (ended) => {
  const forced = forcedAt(ended.history);
  const deployments = bringing(ended);
  return ofKind(ended.history, "lease").flatMap((lease) => {
    const deployment = deployments.get(lease.owner);
    if (deployment === undefined) return [];
    const { freeze } = rulesOf(ended, lease.environment);
    const isLetGo =
      forced(lease.owner) !== undefined ||
      ofKind(ended.history, "asked").some(
        ({ action, release, environment, at }) =>
          action === "override-freeze" &&
          release === deployment.release &&
          environment === lease.environment &&
          at <= lease.at,
      );
    const from = (freeze?.fromMinute ?? 0) * 60_000;
    const until = from + (freeze?.minutes ?? 0) * 60_000;
    const isFrozen = !isLetGo && lease.at > from + inFlight && lease.at < until - skew;
    const isStopped = stopsOf(ended.history).some(
      ({ service, environment, stopped, resumed }) =>
        service === lease.service &&
        environment === lease.environment &&
        lease.at > stopped + inFlight &&
        lease.at < resumed,
    );
    return isFrozen || isStopped
      ? [
          `${deployment.release} began in ${lease.environment} at ${lease.at / 1000} s, ${isFrozen ? "in a freeze" : "when the line was stopped"}`,
        ]
      : [];
  });
};

/** From when somebody was told that the line is stopped, until when somebody asked to have it go on. */
function stopsOf(history: readonly Effect[]) {
  const resumes = ofKind(history, "asked").filter(({ action }) => action === "resume-the-line");
  return ofKind(history, "answered")
    .filter(({ action, status }) => action === "stop-the-line" && status === 200)
    .map(({ at: stopped, service, environment }) => {
      const resumed = resumes.find(
        (one) => one.service === service && one.environment === environment && one.at >= stopped,
      );
      return { service, environment, stopped, resumed: resumed?.at ?? Number.POSITIVE_INFINITY };
    });
}

/** Once somebody was told that a release is cancelled, nothing of it begins but what cleans up after it. */
export const cancelledChangesNothing: Invariant = (ended) => {
  const { history, records } = ended;
  return ofKind(history, "answered")
    .filter(({ action, status }) => action === "cancel" && status === 200)
    .flatMap(({ at, release }) => {
      const late = at + inFlight;
      const own = records.deployments
        .filter((one) => one.release === release && brings(one.intent) && one.openedAt - worldBegins < at)
        .map(({ executionArn }) => executionArn);
      const changes = changesOf(history).filter(
        ({ execution = "", by, from }) =>
          own.includes(execution) && (by === "StartDeployment" || by === "MigrateDatabase") && from > late,
      );
      return changes.map(
        (change) => `${describeChange(change)}, although it was cancelled at ${at / 1000} s`,
      );
    });
};

/** Whom too many of its users complained about is not called released, and neither is what too few used to tell. */
export const usersAreHeard: Invariant = (ended) =>
  [...bringing(ended).values()].flatMap(({ release, environment, outcome, bake: baked }) => {
    const { bake } = rulesOf(ended, environment);
    if (bake?.errorPercent === undefined || bake.minimumRequests === undefined) return [];
    const { digest } = imageOf(ended, release);
    // An image under two tags has the users of either.
    const pushes = ofKind(ended.history, "push").filter((one) => one.digest === digest);
    const users = pushes.map(({ push }) => push.behaviour.users ?? { perMinute: 0 });
    const perMinute = Math.max(0, ...users.map((one) => one.perMinute));
    const failing = Math.min(...users.map((one) => one.failing ?? 0));
    // The looks are requests, too.
    const most = (perMinute + 3) * (bake.minutes + 8);
    const tooFew = most < bake.minimumRequests;
    const unhappy = failing * 100 > perMinute * bake.errorPercent * 2;
    return outcome === "Released" && baked?.verdict === "healthy" && (tooFew || unhappy)
      ? [
          `${release} in ${environment} is released, though ${tooFew ? "too few used it" : "its users complained"}`,
        ]
      : [];
  });
