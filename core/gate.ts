import type { ServiceConfig } from "./config.ts";
import type { Release } from "./records.ts";
import { buildsOf, stagesOf } from "./stage.ts";

/** Whether every build of the stages that check a release passed for it; names those that did not. */
export function decideGate(
  release: Pick<Release, "evidence" | "image">,
  service: Pick<ServiceConfig, "stages" | "environments">,
): { open: boolean; missing: string[] } {
  const checking = stagesOf(service, release.image === undefined ? "source" : "image");
  const missing = Object.entries(service.stages)
    .filter(([name]) => checking.includes(name))
    .flatMap(([name, stage]) => buildsOf(name, stage))
    .map(({ build }) => build)
    .filter((build) => release.evidence[build]?.passed !== true);
  return { open: missing.length === 0, missing };
}
