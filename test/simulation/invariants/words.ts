import * as z from "zod/mini";
import { brings } from "../../../core/intent.ts";
import { type Effect, ofKind } from "../history.ts";
import type { Invariant } from "./all.ts";
import { changesOf, describeChange } from "./changes.ts";

/** When every world begins (milliseconds since the epoch): records tell the time of its clock. */
const worldBegins = Date.UTC(2026, 0, 1);
/** By how many milliseconds times on record may be wrong: twice the most that a clock of ours is. */
const clockError = 6_000;
/** So long (milliseconds) a call may still take effect that was made before: a function's time, and the latest a call comes. */
const inFlight = 150_000;

const Input = z.looseObject({
  force: z.optional(z.boolean()),
  resume: z.optional(z.string()),
  /** Of the event that it was begun by. */
  id: z.optional(z.string()),
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: z.optional(z.string()),
});

/** An execution as Step Functions began it. */
interface Begun {
  readonly at: number;
  readonly input: z.infer<typeof Input>;
  /** When it was redriven, if it was. */
  readonly redrivenAt: readonly number[];
}

/** Every execution by its ARN, and with what it was begun. */
function executionsOf(history: readonly Effect[]): Map<string, Begun> {
  const begun = new Map<string, Begun>();
  for (const { at, event } of ofKind(history, "event")) {
    const { "detail-type": type, detail } = event;
    if (type !== "Step Functions Execution Status Change" || detail.status !== "RUNNING") continue;
    const arn = String(detail.executionArn);
    const before = begun.get(arn);
    const input = before?.input ?? Input.parse(JSON.parse(String(detail.input)));
    const redrivenAt = before === undefined ? [] : [...before.redrivenAt, at];
    begun.set(arn, { at: before?.at ?? at, input, redrivenAt });
  }
  return begun;
}

/** When a person said of what an execution does that it be done all the same, with it or with what it is part of. */
export function forcedAt(history: readonly Effect[]): (execution: string | undefined) => number | undefined {
  const executions = executionsOf(history);
  return (execution = "") => {
    const own = executions.get(execution);
    const whole = executions.get(own?.input.AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID ?? "");
    return [own, whole].find((one) => one?.input.force === true)?.at;
  };
}

/** However often an event is told, it opens one release. */
export const oneReleasePerEvent: Invariant = ({ history, records }) => {
  const executions = executionsOf(history);
  const opened = Map.groupBy(records.releases, ({ executionArn }) => executions.get(executionArn)?.input.id);
  opened.delete(undefined);
  return [...opened]
    .filter(([, releases]) => releases.length > 1)
    .map(([event, releases]) => `the event ${event} opened ${releases.map(({ id }) => id).join(", ")}`);
};

/** Who was told that a digest is out of quarantine: from when he asked, until when he was told. */
export function liftsOf(history: readonly Effect[]) {
  const answered = ofKind(history, "answered").filter(({ action }) => action === "lift-quarantine");
  return ofKind(history, "asked").flatMap(({ action, who, digest = "", at: from }) => {
    if (action !== "lift-quarantine") return [];
    const answer = answered.find((one) => one.who === who && one.digest === digest && one.at >= from);
    return [{ digest, from, until: answer?.at ?? Number.POSITIVE_INFINITY, isDone: answer?.status === 200 }];
  });
}

/** What was judged ill and taken back does not keep a person away who says so after it. */
export const wordsAreHeard: Invariant = ({ history }) => {
  const forced = forcedAt(history);
  const executions = executionsOf(history);
  const lifts = liftsOf(history).filter(({ isDone }) => isDone);
  return ofKind(history, "event").flatMap(({ event: { "detail-type": type, detail } }) => {
    if (type !== "Step Functions Execution Status Change" || detail.status !== "FAILED") return [];
    const [, digest = "", told = ""] =
      /(sha256:\w+) is in quarantine: .*? rolled back at (\S+Z) /.exec(String(detail.cause)) ?? [];
    if (digest === "") return [];
    const since = Date.parse(told) - worldBegins;
    const arn = String(detail.executionArn);
    const said = forced(arn);
    const begun = executions.get(arn)?.at ?? 0;
    const isForced = said !== undefined && said > since + clockError;
    const isLifted = lifts.some(
      (lift) => lift.digest === digest && lift.from > since + clockError && lift.until < begun,
    );
    return isForced || isLifted
      ? [`${arn} was kept away by the quarantine of ${since / 1000} s, though a person had let it go`]
      : [];
  });
};

/** A release that goes on runs no check again that its record says has passed. */
export const passedIsNotRunAgain: Invariant = ({ history, records }) => {
  const executions = executionsOf(history);
  const builds = ofKind(history, "build").filter(({ phase }) => phase === "begun");
  return records.releases.flatMap(({ id, executionArn, openedAt }) => {
    const resumed = executions.get(executionArn)?.input.resume;
    const before = records.releases.find((one) => one.id === resumed);
    if (before === undefined) return [];
    const passed = Object.entries(before.evidence).flatMap(([build, { passed, endedAt }]) =>
      passed && endedAt + clockError < openedAt ? [build] : [],
    );
    return builds
      .filter(
        ({ variables: { SPILLWAY_RELEASE: release, SPILLWAY_BUILD: build = "" } }) =>
          release === id && passed.includes(build),
      )
      .map(({ variables }) => `${id} ran ${variables.SPILLWAY_BUILD} again, which passed for ${resumed}`);
  });
};

/**
 * A release that goes on goes where it is not. Another of the same image may be there: whoever released that image
 * once more wanted it there once more.
 */
export const resumedGoesOnlyWhereItIsNot: Invariant = ({ history, records }) => {
  const executions = executionsOf(history);
  const digestOf = (release: string) => records.releases.find(({ id }) => id === release)?.image?.digest;
  return records.deployments.flatMap(({ release, environment, startedBy = "", openedAt }) => {
    const begun = executions.get(startedBy);
    if (begun?.input.resume === undefined) return [];
    const others = records.deployments.filter(
      (one) =>
        one.environment === environment &&
        one.startedBy !== startedBy &&
        one.service === records.releases.find(({ id }) => id === release)?.service &&
        one.openedAt < openedAt,
    );
    const isMoving = others.some(
      ({ endedAt = Number.POSITIVE_INFINITY }) => endedAt - worldBegins > begun.at - inFlight,
    );
    const last = others
      .filter(({ outcome }) => outcome === "Released")
      .toSorted((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0))
      .at(-1);
    const wasThere = others.some((one) => one.release === begun.input.resume && one.outcome === "Released");
    const isThere = last !== undefined && digestOf(last.release) === digestOf(release);
    return wasThere && isThere && !isMoving
      ? [`${release} went to ${environment} again, where its image was live already as ${last.release}`]
      : [];
  });
};

/** Who has an execution go on whose record is closed changes nothing by that. */
export const redrivenChangesNothing: Invariant = ({ history, records }) => {
  const executions = executionsOf(history);
  const changes = changesOf(history);
  return [...records.releases, ...records.deployments].flatMap(({ executionArn, endedAt = 0 }) => {
    const { redrivenAt = [] } = executions.get(executionArn) ?? {};
    const late = redrivenAt.filter((at) => at > endedAt - worldBegins + inFlight)[0];
    if (late === undefined) return [];
    const begun = [...executions].filter(
      ([, { at, input }]) => input.AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID === executionArn && at >= late,
    );
    const own = [executionArn, ...begun.map(([arn]) => arn)];
    const builds = ofKind(history, "call").filter(
      ({ operation, execution = "", at }) =>
        operation.endsWith(".StartBuild") && own.includes(execution) && at > late,
    );
    return [
      ...changes
        .filter(({ execution = "", from }) => own.includes(execution) && from > late)
        .map(
          (change) => `${describeChange(change)}, by ${executionArn}, which was redriven at ${late / 1000} s`,
        ),
      ...builds.map(
        ({ by, at }) => `${by} began a build at ${at / 1000} s of ${executionArn}, which was redriven`,
      ),
    ];
  });
};

/** An end on record is written once: whoever tries again, or comes late, finds it and leaves it as it is. */
export const closedOnce: Invariant = ({ history }) => {
  const closed = new Map<string, string>();
  return ofKind(history, "closed").flatMap(({ record, by, at }) => {
    const before = closed.get(record);
    closed.set(record, by);
    return before === undefined
      ? []
      : [`${by} closed ${record} at ${at / 1000} s, which ${before} had closed before`];
  });
};

/** Whom an alarm complained about while it was watched is not called released. */
export const alarmsAreHeard: Invariant = ({ plan, history, records }) => {
  const changes = ofKind(history, "alarm");
  const isBlind = ofKind(history, "fault").some(({ place }) => place.startsWith("CheckBake "));
  return records.deployments.flatMap(({ release, environment, intent, outcome, bake: baked, switched }) => {
    const rules = plan.setting.rules ?? {};
    const { bake } =
      (environment === "staging" || environment === "production" ? rules[environment] : undefined) ?? {};
    const [alarm] = bake?.alarms ?? [];
    if (bake === undefined || alarm === undefined || baked?.state.last === undefined) return [];
    if (!brings(intent) || outcome !== "Released" || baked.verdict !== "healthy") return [];
    const told = (switched?.begunAt ?? 0) - worldBegins + clockError;
    const [begun, ended] = [baked.state.startedAt - worldBegins, baked.state.last.health.at - worldBegins];
    const phases = changes
      .filter((change) => change.alarm === alarm)
      .map(({ at, state }, nth, all) => ({
        from: at,
        until: all[nth + 1]?.at ?? Number.POSITIVE_INFINITY,
        state,
      }));
    // A look that AWS did not answer has seen nothing.
    const unseen = isBlind ? Number.POSITIVE_INFINITY : bake.intervalSeconds * 1000 + 70_000;
    const rang = phases.some(({ from, until, state }, nth) => {
      const began = phases[nth - 1]?.state === "ALARM" ? 0 : from;
      const seen = Math.min(until, ended) - Math.max(began, begun);
      return state === "ALARM" && began > told && seen > unseen;
    });
    const silent = phases.some(
      ({ from, until, state }) =>
        state !== "OK" && from < ended - inFlight / 2 && until > ended + inFlight / 2,
    );
    return rang || silent
      ? [
          `${release} in ${environment} is released, though ${alarm} ${rang ? "rang" : "was not well at its end"}`,
        ]
      : [];
  });
};
