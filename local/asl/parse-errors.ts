import { Fields } from "./fields.ts";
import { isArray } from "./json.ts";
import type { Problems } from "./problems.ts";
import type { Catcher, Retrier } from "./state-machine.ts";

/** AWS's limit of MaxDelaySeconds: 366 days. */
const LONGEST_DELAY_SECONDS = 31_622_400;
const MOST_ATTEMPTS = 99_999_999;

/** Compiles the Retry of a state. */
export function parseRetriers(fields: Fields, problems: Problems): readonly Retrier[] {
  const places = fields.objects("Retry");
  return places.map(({ object, location }, index) => {
    const retrier = new Fields(object, location, problems);
    const jitter = retrier.string("JitterStrategy") ?? "NONE";
    if (jitter !== "FULL" && jitter !== "NONE") {
      retrier.problem("Value is not valid, valid values are [FULL, NONE]", "JitterStrategy");
    }
    const intervalSeconds = retrier.number("IntervalSeconds", 1, MOST_ATTEMPTS) ?? 1;
    const maxDelaySeconds = retrier.number("MaxDelaySeconds", 1, LONGEST_DELAY_SECONDS);
    if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
      retrier.problem("MaxDelaySeconds must be greater than IntervalSeconds", "MaxDelaySeconds");
    }
    const parsed: Retrier = {
      errorEquals: errorEquals(retrier, index === places.length - 1),
      intervalSeconds,
      maxAttempts: retrier.number("MaxAttempts", 0, MOST_ATTEMPTS) ?? 3,
      backoffRate: retrier.number("BackoffRate", 1, Number.MAX_VALUE, "real") ?? 2,
      maxDelaySeconds,
      jitter: jitter === "FULL" ? "FULL" : "NONE",
    };
    retrier.rejectOthers();
    return parsed;
  });
}

/** Compiles the Catch of a state. */
export function parseCatchers(fields: Fields, problems: Problems): readonly Catcher[] {
  const places = fields.objects("Catch");
  return places.map(({ object, location, fieldPrefix }, index) => {
    const catcher = new Fields(object, location, problems, fieldPrefix);
    const parsed: Catcher = {
      errorEquals: errorEquals(catcher, index === places.length - 1),
      next: catcher.required("Next"),
      output: catcher.template("Output"),
      assign: catcher.assignments(),
    };
    catcher.rejectOthers();
    return parsed;
  });
}

function errorEquals(fields: Fields, isLast: boolean): readonly string[] {
  const value = fields.raw("ErrorEquals");
  const names = isArray(value) ? value.filter((name) => typeof name === "string") : [];
  if (!isArray(value) || value.length === 0 || names.length !== value.length) {
    fields.problem("Expected a list of at least one error name", "ErrorEquals");
  }
  if (names.includes("States.ALL") && (names.length > 1 || !isLast)) {
    fields.problem("States.ALL must appear alone and in the last retrier or catcher", "ErrorEquals");
  }
  return names;
}
