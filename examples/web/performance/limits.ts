import type { Sample } from "./load.ts";

/** What a load showed. Times are of the requests that were answered as they should; null if none was. */
export interface Measurement {
  readonly requests: number;
  readonly p50Milliseconds: number | null;
  readonly p99Milliseconds: number | null;
  readonly slowestMilliseconds: number | null;
  readonly errorPercent: number;
  /** Reason → how many requests failed for it. */
  readonly errors: Readonly<Record<string, number>>;
}

/** What may be demanded of it: undefined is not checked. */
export interface Limits {
  readonly p50Milliseconds: number | undefined;
  readonly p99Milliseconds: number | undefined;
  readonly errorPercent: number;
}

/** One limit, and how the measurement stands to it. */
export interface Verdict {
  readonly limit: keyof Limits;
  /** Undefined if the limit was kept. */
  readonly missed: string | undefined;
}

/** A setting is not a number that makes sense. The message names it. */
export class LoadSettingsError extends Error {
  override readonly name = "LoadSettingsError";
}

const SETTINGS = {
  p50Milliseconds: "SPILLWAY_LIMIT_P50_MILLISECONDS",
  p99Milliseconds: "SPILLWAY_LIMIT_P99_MILLISECONDS",
  errorPercent: "SPILLWAY_LIMIT_ERROR_PERCENT",
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the limits. No error is allowed unless the setting says otherwise. Throws LoadSettingsError. */
export function readLimits(environment: Environment): Limits {
  return {
    p50Milliseconds: readNumber(environment, SETTINGS.p50Milliseconds),
    p99Milliseconds: readNumber(environment, SETTINGS.p99Milliseconds),
    errorPercent: readNumber(environment, SETTINGS.errorPercent) ?? 0,
  };
}

/** How many requests a second, and for how long: 50 for 5 s unless set. Throws LoadSettingsError. */
export function readLoad(environment: Environment): { requestsPerSecond: number; seconds: number } {
  const load = {
    requestsPerSecond: readNumber(environment, "SPILLWAY_LOAD_REQUESTS_PER_SECOND") ?? 50,
    seconds: readNumber(environment, "SPILLWAY_LOAD_SECONDS") ?? 5,
  };
  if (load.requestsPerSecond > 0 && load.seconds > 0) return load;
  throw new LoadSettingsError("SPILLWAY_LOAD_REQUESTS_PER_SECOND and SPILLWAY_LOAD_SECONDS must be above 0.");
}

function readNumber(environment: Environment, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new LoadSettingsError(`${name} must be a number, 0 or more; it is "${text.slice(0, 40)}".`);
}

/** Sums up a load. */
export function measure(samples: readonly Sample[]): Measurement {
  const times = samples
    .filter(({ failure }) => failure === undefined)
    .map(({ milliseconds }) => milliseconds)
    .sort((a, b) => a - b);
  const errors: Record<string, number> = {};
  for (const { failure } of samples) if (failure !== undefined) errors[failure] = (errors[failure] ?? 0) + 1;
  const failed = samples.length - times.length;
  return {
    requests: samples.length,
    p50Milliseconds: percentile(times, 50),
    p99Milliseconds: percentile(times, 99),
    slowestMilliseconds: round(times.at(-1)),
    errorPercent: Math.round((10_000 * failed) / samples.length) / 100,
    errors,
  };
}

/** The nearest rank: the smallest time that this share of the requests did not exceed. */
function percentile(times: readonly number[], percent: number): number | null {
  return round(times[Math.max(0, Math.ceil((times.length * percent) / 100) - 1)]);
}

function round(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds * 10) / 10;
}

/** Compares with each limit that is set. */
export function judge(measurement: Measurement, limits: Limits): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const limit of ["p50Milliseconds", "p99Milliseconds", "errorPercent"] as const) {
    const allowed = limits[limit];
    if (allowed !== undefined)
      verdicts.push({ limit, missed: describeMiss(limit, measurement[limit], allowed) });
  }
  return verdicts;
}

function describeMiss(limit: keyof Limits, found: number | null, allowed: number): string | undefined {
  const name = { p50Milliseconds: "p50", p99Milliseconds: "p99", errorPercent: "errors" }[limit];
  if (found === null)
    return `${name} could not be measured, because no request succeeded (${SETTINGS[limit]})`;
  if (found <= allowed) return undefined;
  const unit = limit === "errorPercent" ? "%" : "ms";
  const over = Math.round((found - allowed) * 100) / 100;
  return `${name} ${found} ${unit}, ${over} ${unit} over the limit of ${allowed} ${unit} (${SETTINGS[limit]})`;
}
