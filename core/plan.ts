import type { ServiceConfig } from "./config.ts";
import { buildsOf, type StageBuild } from "./stage.ts";

/** A build as a state machine runs it. */
export interface PlannedBuild extends StageBuild {
  /** How long its state waits: CodeBuild's own timeout and its time in the queue. */
  readonly timeoutSeconds: number;
}

/** Stages one after another; a step is one stage, its builds side by side. */
export type Track = readonly (readonly PlannedBuild[])[];

/** What a release will do: its stages by track and its environments by wave. */
export interface Plan {
  readonly tracks: readonly Track[];
  readonly waves: readonly (readonly string[])[];
}

const queueSeconds = 1800;

/** The builds of the named stages: of a release's tracks, or of an environment's verification. */
export function planTracks(
  { stages }: Pick<ServiceConfig, "stages">,
  tracks: readonly (readonly string[])[],
): Track[] {
  return tracks.map((track) =>
    track.flatMap((name) => {
      const stage = stages[name];
      if (stage === undefined) return [];
      const timeoutSeconds = stage.timeoutMinutes * 60 + queueSeconds;
      return [buildsOf(name, stage).map((build) => ({ ...build, timeoutSeconds }))];
    }),
  );
}

/** The way of a release of `service`. */
export function planRelease(service: ServiceConfig): Plan {
  return { tracks: planTracks(service, service.tracks), waves: service.waves };
}
