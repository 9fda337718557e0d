import type { Clock } from "../asl/clock.ts";
import { AwsError } from "../service.ts";

/** A schedule that can be run on a clock. */
export interface Schedule {
  /** Calls `fire` at each due time from now on; returns how to end that. */
  start(clock: Clock, fire: () => void): () => void;
}

const UNIT_MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ["minute", 60_000],
  ["hour", 3_600_000],
  ["day", 86_400_000],
]);

/**
 * Reads a schedule expression: `rate(1 minute)`, `rate(5 minutes)`, also hours and days.
 * Throws AwsError ValidationException for what is no schedule, and for `cron(…)`, which is not implemented.
 */
export function parseSchedule(expression: string): Schedule {
  if (expression.startsWith("cron(")) {
    throw new AwsError(
      "ValidationException",
      `The local AWS implements schedules of the form rate(N minutes|hours|days) and not ${expression}.`,
    );
  }
  const [, count = "", unit = "", plural = ""] =
    /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression) ?? [];
  const unitMilliseconds = UNIT_MILLISECONDS.get(unit);
  const isPlural = plural === "s";
  if (unitMilliseconds === undefined || Number(count) < 1 || isPlural !== Number(count) > 1) {
    throw new AwsError("ValidationException", "Parameter ScheduleExpression is not valid.");
  }
  const intervalMilliseconds = Number(count) * unitMilliseconds;
  return { start: (clock, fire) => every(clock, intervalMilliseconds, fire) };
}

/** Due times are counted from the start and not from the last call, so that they do not drift. */
function every(clock: Clock, intervalMilliseconds: number, fire: () => void): () => void {
  let due = clock.now();
  let cancel = () => {};
  const wait = () => {
    due += intervalMilliseconds;
    // A machine that slept skips what it missed, as nobody waits for those runs any more.
    if (due < clock.now()) due = clock.now();
    cancel = clock.after(due - clock.now(), () => {
      wait();
      fire();
    });
  };
  wait();
  return () => cancel();
}
