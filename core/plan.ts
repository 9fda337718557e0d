import { chooseWaves } from "./admission.ts";
import type { ServiceConfig } from "./config.ts";
import type { Release } from "./records.ts";
import { buildsOf, type StageBuild, stagesOf } from "./stage.ts";

/** A build as a state machine runs it. Its variables are not here: they are in the config that the release keeps. */
export interface PlannedBuild extends Omit<StageBuild, "variables"> {
  /** How long its state waits: CodeBuild's own timeout and its time in the queue. */
  readonly timeoutSeconds: number;
}

/** Stages one after another; a step is one stage, its builds side by side. */
export type Track = readonly (readonly PlannedBuild[])[];

/** Environments side by side. An object, because JSONata makes one list of lists that it comes by. */
export interface Wave {
  readonly environments: readonly string[];
}

/** What a release will do: its stages by track, and its environments by wave or the build of its image. */
export interface Plan {
  readonly tracks: readonly Track[];
  readonly waves: readonly Wave[];
  /** Only for a release by commit. */
  readonly build?: { readonly timeoutSeconds: number };
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
      return [buildsOf(name, stage).map(({ build }) => ({ stage: name, build, timeoutSeconds }))];
    }),
  );
}

/** The way of a release: what its commit was found to pass already is not run again. */
export function planRelease(
  release: Pick<Release, "evidence" | "image" | "environments">,
  service: ServiceConfig,
): Plan {
  const stages = stagesOf(service, release.image === undefined ? "source" : "image");
  const toRun = ({ build }: PlannedBuild) => release.evidence[build]?.reusedFrom === undefined;
  const tracks = planTracks(
    service,
    service.tracks.map((track) => track.filter((stage) => stages.includes(stage))),
  )
    .map((track) => track.map((step) => step.filter(toRun)).filter(({ length }) => length > 0))
    .filter(({ length }) => length > 0);
  if (release.image !== undefined) {
    const waves = chooseWaves(service, release.environments).map((environments) => ({ environments }));
    return { tracks, waves };
  }
  const { timeoutMinutes = 0 } = service.build ?? {};
  return { tracks, waves: [], build: { timeoutSeconds: timeoutMinutes * 60 + queueSeconds } };
}
