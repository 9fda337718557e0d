import type { Release } from "./records.ts";

/** Whether every stage of the plan passed for this release; names those that did not. */
export function decideGate(
  release: Pick<Release, "evidence">,
  stages: readonly string[],
): { open: boolean; missing: string[] } {
  const missing = stages.filter((stage) => release.evidence[stage]?.passed !== true);
  return { open: missing.length === 0, missing };
}
