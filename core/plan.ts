import type { ServiceConfig } from "./config.ts";

/** What a release will do: its stages by track and its environments by wave. */
export interface Plan {
  readonly tracks: readonly (readonly { readonly stage: string; readonly timeoutSeconds: number }[])[];
  readonly waves: readonly (readonly string[])[];
}

/** The way of a release of `service`. A stage's wait allows CodeBuild's own timeout and its time in the queue. */
export function planRelease(service: ServiceConfig): Plan {
  const queueSeconds = 1800;
  return {
    tracks: service.tracks.map((track) =>
      track.map((stage) => ({
        stage,
        timeoutSeconds: (service.stages[stage]?.timeoutMinutes ?? 15) * 60 + queueSeconds,
      })),
    ),
    waves: service.waves,
  };
}
