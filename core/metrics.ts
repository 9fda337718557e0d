import { Outcome } from "./outcome.ts";

/**
 * What the functions of an installation count, each under its own name as the dimension `service`: how it ended, what
 * release or deployment ended how, and what was found by who looks regularly.
 */
export const metricNames = [
  "Succeeded",
  "Failed",
  ...Outcome.options,
  /** Waits that nobody managed to ask about for minutes. */
  "OverdueWaits",
  /** Live images, and those that an environment would go back to, that ECR will soon delete. */
  "ImagesNearLimit",
  /** The same that are gone already, or archived. */
  "ImagesUnusable",
  /** Pushes of which no event came, and whose release was started for that reason. */
  "LostPushes",
  /** Builds that nobody waited for, and that were stopped. */
  "OrphanedBuilds",
  /** Migration tasks that nobody waits for. */
  "OrphanedTasks",
  /** Environments in which something else runs than is on record. */
  "Drifted",
] as const;
export type MetricName = (typeof metricNames)[number];

/** What is worth telling of what a function found: numbers for alarms, and words for the log. */
export interface Findings {
  readonly counts: Readonly<Partial<Record<MetricName, number>>>;
  readonly warnings: readonly string[];
}
