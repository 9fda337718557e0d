import type { ServiceConfig } from "./config.ts";
import type { Release } from "./records.ts";
import { buildsOf, releaseStages } from "./stage.ts";

/** Whether every build of the stages that check a release passed for it; names those that did not. */
export function decideGate(
  release: Pick<Release, "evidence">,
  service: Pick<ServiceConfig, "stages" | "environments">,
): { open: boolean; missing: string[] } {
  const missing = releaseStages(service)
    .flatMap((stage) => buildsOf(stage, service.stages[stage] ?? {}))
    .map(({ build }) => build)
    .filter((build) => release.evidence[build]?.passed !== true);
  return { open: missing.length === 0, missing };
}
