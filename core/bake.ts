import * as z from "zod/mini";
import type { BakeConfig, HealthConfig } from "./config.ts";
import { Observation, type Verdict } from "./health.ts";

/** A CloudWatch alarm as it was seen. */
export const AlarmSeen = z.object({
  name: z.string(),
  /** OK, ALARM, INSUFFICIENT_DATA, or MISSING: CloudWatch has none of that name. */
  state: z.enum(["OK", "ALARM", "INSUFFICIENT_DATA", "MISSING"]),
  /** Since when it is in that state, milliseconds since the epoch. */
  since: z.optional(z.number()),
});
export type AlarmSeen = z.infer<typeof AlarmSeen>;

/** What real users sent to the service since the bake began, as far as its target has counted. */
export const Traffic = z.object({ requests: z.number(), errors: z.number() });
export type Traffic = z.infer<typeof Traffic>;

/** One look at a release that bakes. */
export const BakeLook = z.object({
  health: Observation,
  alarms: z.array(AlarmSeen),
  /** Absent where no error rate is watched. */
  traffic: z.optional(Traffic),
  /** Why alarms or traffic could not be asked for. */
  unknown: z.optional(z.string()),
});
export type BakeLook = z.infer<typeof BakeLook>;

/** What a bake remembers from one look to the next; carried by the state machine. */
export const BakeState = z.object({
  startedAt: z.number(),
  looks: z.int(),
  /** Bad answers of the health path in a row. */
  failures: z.int(),
  last: z.optional(BakeLook),
});
export type BakeState = z.infer<typeof BakeState>;

/** What a bake is judged by. */
export type BakeRules = BakeConfig & { readonly health: Pick<HealthConfig, "consecutiveFailures"> };

/** A fresh memory. */
export function beginBake(now: number): BakeState {
  return { startedAt: now, looks: 0, failures: 0 };
}

/** CloudWatch is a few minutes behind: what cannot be told at the end of the time may be told a little later. */
const graceMilliseconds = 180_000;

/**
 * Adds one look and judges. What is surely bad ends the bake at once; what is good must stay good for the whole time;
 * what cannot be told at the end of it is inconclusive, a little later.
 * @param switchedAt when the target was told: an alarm that rang before does not speak of this release.
 * @returns `verdict` undefined while another look is needed; `why` in words.
 */
export function judgeBake(
  rules: BakeRules,
  before: BakeState,
  look: BakeLook,
  switchedAt: number,
): { readonly state: BakeState; readonly verdict: Verdict | undefined; readonly why: string } {
  const { health } = look;
  const bad = health.answered && health.complaint !== undefined;
  const state: BakeState = {
    startedAt: before.startedAt,
    looks: before.looks + 1,
    failures: bad ? before.failures + 1 : health.answered ? 0 : before.failures,
    last: look,
  };
  const ill = complaintsOf(rules, state, look, switchedAt);
  if (ill.length > 0) return { state, verdict: "unhealthy", why: ill.join("; ") };
  const ends = state.startedAt + rules.minutes * 60_000;
  if (health.at < ends) return { state, verdict: undefined, why: "nothing speaks against it yet" };
  const doubts = doubtsOf(rules, look);
  if (doubts.length === 0) return { state, verdict: "healthy", why: describe(rules, state, look) };
  const over = health.at >= ends + graceMilliseconds;
  return { state, verdict: over ? "inconclusive" : undefined, why: doubts.join("; ") };
}

/** What is surely bad. */
function complaintsOf(
  { health, errorPercent, minimumRequests }: BakeRules,
  { failures }: BakeState,
  { health: seen, alarms, traffic }: BakeLook,
  switchedAt: number,
): string[] {
  const ringing = alarms.filter(({ state, since }) => state === "ALARM" && (since ?? 0) >= switchedAt);
  const rate =
    traffic === undefined || traffic.requests === 0 ? 0 : (traffic.errors / traffic.requests) * 100;
  const tooMany =
    errorPercent !== undefined &&
    traffic !== undefined &&
    traffic.requests >= minimumRequests &&
    rate > errorPercent;
  return [
    ...(failures >= health.consecutiveFailures
      ? [`${failures} bad answers in a row: ${seen.complaint}`]
      : []),
    ...ringing.map(({ name }) => `the alarm ${name} rings`),
    ...(tooMany
      ? [`${describeTraffic(traffic)}, ${rate.toFixed(2)} % of them; ${errorPercent} % are allowed`]
      : []),
  ];
}

/** What keeps a bake whose time is over from being called healthy. */
function doubtsOf({ errorPercent, minimumRequests }: BakeRules, look: BakeLook): string[] {
  const { health, alarms, traffic, unknown } = look;
  return [
    ...(health.complaint === undefined ? [] : [`the last look at its health: ${health.complaint}`]),
    ...(unknown === undefined ? [] : [unknown]),
    ...alarms.filter(({ state }) => state !== "OK").map(describeAlarm),
    ...(errorPercent !== undefined && traffic !== undefined && traffic.requests < minimumRequests
      ? [`${describeTraffic(traffic)}; the error rate takes ${minimumRequests} to be told`]
      : []),
  ];
}

function describeAlarm({ name, state }: AlarmSeen): string {
  if (state === "MISSING") return `there is no alarm named ${name}`;
  return state === "ALARM"
    ? `the alarm ${name} rang before the release came and rings still`
    : `the alarm ${name} has not enough data`;
}

function describeTraffic({ requests, errors }: Traffic): string {
  return `${requests} ${requests === 1 ? "request" : "requests"} came and ${errors} failed`;
}

function describe({ minutes, alarms }: BakeRules, { looks }: BakeState, { traffic }: BakeLook): string {
  const seen = [
    `well for ${minutes} ${minutes === 1 ? "minute" : "minutes"} and ${looks} looks`,
    ...(alarms.length === 0 ? [] : [`no alarm rings (${alarms.join(", ")})`]),
    ...(traffic === undefined ? [] : [describeTraffic(traffic)]),
  ];
  return seen.join("; ");
}
