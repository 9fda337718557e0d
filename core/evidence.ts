import { computeOf } from "./compute.ts";
import type { ServiceConfig } from "./config.ts";
import type { CommitEvidence, Evidence, Release } from "./records.ts";
import { buildsOf, stagesOf } from "./stage.ts";

/** Evidence of a commit is as old as this at most: advisories and dependencies move on. */
const freshMilliseconds = 24 * 60 * 60_000;

/** What a release by commit found, to be kept for the release that its image's push opens. */
export function evidenceOfCommit(
  release: Pick<Release, "id" | "service" | "evidence" | "environments" | "why">,
  commit: string,
  service: ServiceConfig,
  now: number,
): CommitEvidence {
  const { id, environments, why } = release;
  const builds = sourceBuilds(service).flatMap(({ build, fingerprint }) => {
    const evidence = release.evidence[build];
    return evidence?.passed === true ? [[build, { evidence, fingerprint }] as const] : [];
  });
  return {
    service: release.service,
    commit,
    release: id,
    recordedAt: now,
    why,
    environments,
    builds: Object.fromEntries(builds),
  };
}

/**
 * What a release of an image need not find again: the passed builds of its commit, under the same config of their
 * stages, not older than a day. Each says from which release it is.
 */
export function reuseEvidence(
  found: CommitEvidence | undefined,
  service: ServiceConfig,
  now: number,
): Record<string, Evidence> {
  if (found === undefined || !isFresh(found, now)) return {};
  return Object.fromEntries(
    sourceBuilds(service).flatMap(({ build, fingerprint }) => {
      const kept = found.builds[build];
      if (kept === undefined || kept.fingerprint !== fingerprint) return [];
      return [[build, { ...kept.evidence, reusedFrom: found.release }]];
    }),
  );
}

/**
 * What a resumed release need not find again: the builds that passed, under the same config of their stages, not older
 * than a day. Each says from which release it is.
 */
export function reusePassed(
  release: Pick<Release, "id" | "evidence" | "image">,
  before: ServiceConfig,
  service: ServiceConfig,
  now: number,
): Record<string, Evidence> {
  const needs = release.image === undefined ? "source" : "image";
  const known = new Map(fingerprints(before, needs).map(({ build, fingerprint }) => [build, fingerprint]));
  return Object.fromEntries(
    fingerprints(service, needs).flatMap(({ build, fingerprint }) => {
      const evidence = release.evidence[build];
      const stands = evidence?.passed === true && now - evidence.endedAt <= freshMilliseconds;
      if (evidence === undefined || !stands || known.get(build) !== fingerprint) return [];
      return [[build, { ...evidence, reusedFrom: evidence.reusedFrom ?? release.id }]];
    }),
  );
}

/** Whether evidence of a commit, and the wish that came with it, still count. */
export function isFresh({ recordedAt }: CommitEvidence, now: number): boolean {
  return now - recordedAt <= freshMilliseconds;
}

/** The builds that need the commit only. */
function sourceBuilds(service: ServiceConfig): { build: string; fingerprint: string }[] {
  return fingerprints(service, "source");
}

/** The builds that check a release, each with all of the config that could change what it finds. */
function fingerprints(
  service: ServiceConfig,
  needs: "source" | "image",
): { build: string; fingerprint: string }[] {
  const checking = stagesOf(service, needs);
  return Object.entries(service.stages).flatMap(([name, stage]) => {
    if (!checking.includes(name)) return [];
    const { buildspec, network, variables, secrets } = stage;
    const { type, image, computeType } = computeOf(stage, service.image);
    return buildsOf(name, stage).map(({ build, variables: chosen }) => ({
      build,
      fingerprint: JSON.stringify([
        buildspec,
        type,
        image,
        computeType,
        network,
        sorted({ ...variables, ...chosen }),
        sorted(secrets),
        service.source.location,
      ]),
    }));
  });
}

function sorted(members: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(members).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
