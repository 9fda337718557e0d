import type { Clock } from "../asl/clock.ts";

const MINUTE_MILLISECONDS = 60_000;
/** CloudWatch keeps points of one minute for 15 days; a laptop needs a day. */
const KEPT_MINUTES = 24 * 60;

/** One point of a metric: what was counted from `at` on, for one period. */
interface Point {
  readonly at: number;
  readonly sum: number;
}

/** Metrics in memory, summed up by the minute. */
export function createMetricStore(clock: Clock) {
  const metrics = new Map<string, Map<number, number>>();

  return {
    count(
      namespace: string,
      metric: string,
      dimensions: Readonly<Record<string, string>>,
      value: number,
    ): void {
      const key = keyOf(namespace, metric, dimensions);
      const minutes = metrics.get(key) ?? new Map<number, number>();
      metrics.set(key, minutes);
      const minute = Math.floor(clock.now() / MINUTE_MILLISECONDS);
      minutes.set(minute, (minutes.get(minute) ?? 0) + value);
      // The oldest come first.
      for (const old of minutes.keys()) {
        if (old > minute - KEPT_MINUTES) break;
        minutes.delete(old);
      }
    },

    /** The newest first, as CloudWatch gives them; a period in which nothing was counted has no point. */
    sums(
      namespace: string,
      metric: string,
      dimensions: Readonly<Record<string, string>>,
      { from, to, periodSeconds }: { from: number; to: number; periodSeconds: number },
    ): Point[] {
      const period = Math.max(periodSeconds, 60) * 1000;
      const points = new Map<number, number>();
      for (const [minute, value] of metrics.get(keyOf(namespace, metric, dimensions)) ?? []) {
        const at = Math.floor((minute * MINUTE_MILLISECONDS) / period) * period;
        if (at < from || at >= to) continue;
        points.set(at, (points.get(at) ?? 0) + value);
      }
      return [...points].map(([at, sum]) => ({ at, sum })).toSorted((one, other) => other.at - one.at);
    },
  };
}

function keyOf(namespace: string, metric: string, dimensions: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(dimensions).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([namespace, metric, sorted]);
}
