import { brings } from "../../../core/intent.ts";
import { isAutomatic } from "../../../core/quarantine.ts";
import type { Deployment } from "../../../core/records.ts";
import type { Behaviour } from "../behaviour.ts";
import { ofKind } from "../history.ts";
import type { Ended, Invariant } from "./all.ts";
import { changesOf, describeChange } from "./changes.ts";
import { forcedAt, liftsOf } from "./words.ts";

/** When every world begins (milliseconds since the epoch): records tell the time of its clock. */
const worldBegins = Date.UTC(2026, 0, 1);
/** By how many milliseconds times on record may be wrong: twice the most that a clock of ours is. */
const clockError = 6_000;
/** So long (milliseconds) a call may still take effect that was made before: a function's time, and the latest a call comes. */
const inFlight = 150_000;

/** However often a push is told of, one release is made of an image by it. */
export const oneReleasePerDigest: Invariant = ({ records }) => {
  const counts = new Map<string, number>();
  for (const { trigger, image, service } of records.releases)
    if (trigger === "push" && image !== undefined) {
      const key = `${service} ${image.uri}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([image, count]) => `${count} releases of ${image}`);
};

/** An image has one open release at a time, however many people start it at once. */
export const oneReleaseAtOnce: Invariant = ({ records: { releases } }) =>
  releases.flatMap((one) =>
    releases
      .filter(
        ({ service, image, attempt, openedAt }) =>
          service === one.service &&
          image !== undefined &&
          image.uri === one.image?.uri &&
          attempt > one.attempt &&
          openedAt + clockError < (one.endedAt ?? Number.POSITIVE_INFINITY),
      )
      .map(({ id }) => `${id} was opened while ${one.id} was open`),
  );

/** Nobody gives up because another is at work: a turn comes, or something newer. */
export const nobodyGivesUpHisTurn: Invariant = ({ records: { deployments } }) =>
  deployments
    .filter(({ outcome, reason = "" }) => outcome === "Rejected" && /because LeaseHeld/.test(reason))
    .map(({ release, environment, reason }) => `${release} gave up in ${environment}: ${reason}`);

/** An image that nobody could ever reach is not called healthy, nor rolled back as unhealthy. */
export const inconclusiveIsNotHealthy: Invariant = ({ history, records }) => {
  const silent = new Set(
    ofKind(history, "push")
      .filter(({ push }) => push.behaviour.unreachable === true)
      .map(({ digest }) => digest),
  );
  return records.deployments.flatMap(({ release, environment, intent, outcome, health = [] }) => {
    const image = records.releases.find(({ id }) => id === release)?.image?.uri.split("@")[1] ?? "";
    if (!silent.has(image) || intent === "recover" || intent === "rollback") return [];
    const verdict = health.find(({ phase }) => phase === "deployed")?.verdict;
    return outcome === "Released" || verdict === "unhealthy" || verdict === "healthy"
      ? [`${release} in ${environment} could not be reached and was called ${verdict ?? outcome}`]
      : [];
  });
};

/** An image that never is well is not called live, whoever brought it. */
export const illIsNotReleased: Invariant = ({ history, records }) => {
  const ill = new Set(
    ofKind(history, "push")
      .filter(({ push: { behaviour } }) => isAlwaysIll(behaviour))
      .map(({ digest }) => digest),
  );
  return records.deployments.flatMap(({ release, environment, outcome, intent }) => {
    const digest = records.releases.find(({ id }) => id === release)?.image?.digest ?? "";
    return outcome === "Released" && intent !== "recover" && ill.has(digest)
      ? [`${release} was never well in ${environment}, and is called released`]
      : [];
  });
};

function isAlwaysIll({ healthStatus = 200, probeStatus = 200, crashesOnStart = false }: Behaviour): boolean {
  return healthStatus >= 400 || probeStatus >= 400 || crashesOnStart;
}

/**
 * A digest that was found unhealthy and taken back is not brought anywhere again without a person who insists: by
 * force, which goes with a release wherever it is promoted, or by lifting its quarantine after that. Elsewhere it may have been on its way already, if it had its turn.
 */
export const quarantineHolds: Invariant = ({ history, records }) => {
  const forced = forcedAt(history);
  const lifts = liftsOf(history);
  const leases = ofKind(history, "lease");
  const releaseOf = (execution: string | undefined) => {
    const own = records.deployments.find((one) => one.executionArn === execution);
    return records.releases.find(({ id }) => id === own?.release);
  };
  const brought = changesOf(history).filter(
    ({ kind, by, execution }) =>
      kind === "target" &&
      by === "StartDeployment" &&
      records.deployments.some((one) => one.executionArn === execution && brings(one.intent)),
  );
  return records.deployments.filter(isFoundIll).flatMap(({ release, service, environment, endedAt = 0 }) => {
    const digest = records.releases.find(({ id }) => id === release)?.image?.digest ?? "none";
    const since = endedAt - worldBegins;
    return brought
      .filter((change) => {
        const begun = leases.find(({ owner }) => owner === change.execution)?.at ?? change.from;
        const isAfter = change.environment === environment ? change.from > since : begun > since + inFlight;
        const said = forced(change.execution) ?? forced(releaseOf(change.execution)?.executionArn);
        const isForced = said !== undefined && said > since - inFlight;
        const isLifted = lifts.some(
          (lift) => lift.digest === digest && lift.until > since && lift.from < change.from,
        );
        return (
          change.service === service && change.what.endsWith(digest) && isAfter && !isForced && !isLifted
        );
      })
      .map((change) => `${describeChange(change)}, although it was taken back as unhealthy before`);
  });
};

function isFoundIll({ outcome, intent, health = [], bake }: Deployment): boolean {
  const judged = health.find(({ phase }) => phase === "deployed")?.verdict;
  return (
    outcome === "RolledBack" && brings(intent) && (judged === "unhealthy" || bake?.verdict === "unhealthy")
  );
}

/** Only what nobody waits for is stopped by who looks for such. */
export const awaitedIsNoOrphan: Invariant = ({ history }) =>
  ofKind(history, "call")
    .filter(({ by, isAwaited }) => by === "FindOrphans" && isAwaited === true)
    .map(({ at, input }) => `at ${at / 1000} s: ${JSON.stringify(input)}`);

/** Nobody sleeps until his time is up: no work of a plan takes that long, so somebody forgot to wake him. */
export const nobodySleepsOn: Invariant = ({ records }) =>
  [...records.releases, ...records.deployments]
    .filter(({ reason = "" }) => /States\.Timeout/.test(reason))
    .map(({ reason }) => `a state slept on: ${reason?.slice(0, 200)}`);

/** What a release began is stopped when it ends, where no fault keeps anybody from it. */
export const siblingsAreStopped: Invariant = ({ plan, history, records }) => {
  if (plan.faults.calls > 0 || plan.faults.unlucky !== undefined) return [];
  const running = new Map<string, number>();
  return history.flatMap((effect) => {
    if (effect.kind === "build") {
      const { SPILLWAY_RELEASE: release = "" } = effect.variables;
      running.set(release, (running.get(release) ?? 0) + (effect.phase === "begun" ? 1 : -1));
    }
    if (effect.kind !== "event" || effect.event["detail-type"] !== "Step Functions Execution Status Change")
      return [];
    const { status, executionArn } = effect.event.detail;
    const release = records.releases.find((one) => one.executionArn === executionArn);
    // One that is stopped, or whose time is up, is tidied up after by others, a little later.
    if (release === undefined || !["SUCCEEDED", "FAILED"].includes(String(status))) return [];
    const count = running.get(release.id) ?? 0;
    return count > 0 ? [`${count} builds of ${release.id} went on after its end`] : [];
  });
};

/** The order of the build that a release is of. */
function sequenceOf({ history, records }: Ended, release: string): number {
  const digest = records.releases.find(({ id }) => id === release)?.image?.digest;
  const push = ofKind(history, "push").find((one) => one.digest === digest)?.push;
  return push?.behaviour.sequence ?? 0;
}

/** What is called superseded gave way to something that is not older and came to the same place. */
export const supersededByNewer: Invariant = (ended) => {
  const { deployments } = ended.records;
  return deployments
    .filter(({ outcome }) => outcome === "Superseded")
    .filter(
      (one) =>
        !deployments.some(
          (other) =>
            other !== one &&
            other.service === one.service &&
            other.environment === one.environment &&
            sequenceOf(ended, other.release) >= sequenceOf(ended, one.release),
        ),
    )
    .map(
      ({ release, environment, reason }) => `${release} is the newest of all in ${environment}: ${reason}`,
    );
};

/** After something was taken back, or a person went back from it, no push brings what is not newer, unless it is let. */
export const heldIsHeld: Invariant = (ended) => {
  const { history, records } = ended;
  const { releases, deployments } = records;
  return changesOf(history).flatMap((change) => {
    const own = deployments.find(({ executionArn }) => executionArn === change.execution);
    const release = releases.find(({ id }) => id === own?.release);
    if (own === undefined || release === undefined || change.by !== "StartDeployment") return [];
    if (!brings(own.intent) || !isAutomatic(own, release)) return [];
    // Whoever changes something has the lease, so the others have ended before, or come later.
    const before = deployments
      .filter(
        ({ service, environment, fence = 0 }) =>
          service === own.service && environment === own.environment && fence > 0 && fence < (own.fence ?? 0),
      )
      .toSorted((one, other) => (one.fence ?? 0) - (other.fence ?? 0));
    const last = before.findLast(({ intent, outcome }) => brings(intent) && outcome === "Released");
    const left = before
      .filter(({ fence = 0 }) => fence > (last?.fence ?? 0))
      .filter(({ intent, outcome }) => brings(intent) && outcome === "RolledBack")
      .find((one) => sequenceOf(ended, one.release) >= sequenceOf(ended, own.release));
    const isLifted = ofKind(history, "deed").some(
      ({ deed }) =>
        deed.does === "roll-back" ||
        (deed.does === "lift-hold" && deed.service === own.service && deed.environment === own.environment),
    );
    return left === undefined || isLifted
      ? []
      : [`${describeChange(change)}, although ${left.release}, which is not older, was taken back before`];
  });
};

/** Where nothing goes wrong, whoever waits is woken when it is time, and not when somebody looks each minute. */
export const wokenInTime: Invariant = ({ plan: { faults, setting, deeds }, history, records: { waits } }) => {
  const isCalm =
    faults.calls === 0 && faults.unlucky === undefined && faults.events === 0 && faults.indexLag === 0;
  if (!isCalm) return [];
  const { staging, production } = setting.rules ?? {};
  const waitsForTime = [staging, production].some((one) => one?.freeze ?? one?.approvals);
  // A turn whose time comes, and one that nobody gave because he was stopped, are found by who looks each minute.
  const isBrokenOff =
    setting.timeLimits !== undefined ||
    deeds.some(({ does }) => does === "stop" || does === "break-off" || does === "cancel");
  const isLookedFor = waitsForTime || isBrokenOff;
  return ofKind(history, "call").flatMap(({ at, by, operation, input }) => {
    if (by !== "Reconcile" || !operation.startsWith("AWSStepFunctions.SendTask")) return [];
    const wait = waits.find(({ token }) => JSON.stringify(input).includes(token));
    const isTurn = wait?.kind === "turn" || wait?.kind === "approval";
    // That a turn will never come, since its image was found ill elsewhere, nobody tells who waits.
    const isInVain = wait?.kind === "turn" && operation.endsWith("Failure");
    if (wait === undefined || isInVain || (isTurn && isLookedFor)) return [];
    return [`nobody woke who waited for ${wait.key} until somebody looked, at ${at / 1000} s`];
  });
};
