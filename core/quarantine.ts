import { brings, type Intent } from "./intent.ts";
import type { Outcome } from "./outcome.ts";
import type { Deployment, Quarantine, Release } from "./records.ts";

/** Whether a deployment was asked for by a push alone, so that no person's word stands behind it. */
export function isAutomatic(
  { startedBy }: Pick<Deployment, "startedBy">,
  { trigger }: Pick<Release, "trigger">,
): boolean {
  return startedBy !== undefined && trigger !== "console";
}

/** When a person said that it be done all the same: with a deployment, or with the release that it is part of. */
export function forcedAt(
  deployment: Pick<Deployment, "force" | "openedAt">,
  release: Pick<Release, "force" | "openedAt">,
): number | undefined {
  if (deployment.force === true) return deployment.openedAt;
  return release.force === true ? release.openedAt : undefined;
}

/**
 * Whether a person said that a deployment be done in spite of something that is so since then. A word that was given
 * before does not count: that person did not know of it.
 */
export function isForced(
  deployment: Pick<Deployment, "force" | "openedAt">,
  release: Pick<Release, "force" | "openedAt">,
  since = 0,
): boolean {
  const forced = forcedAt(deployment, release);
  return forced !== undefined && forced >= since;
}

/**
 * Whether a quarantine keeps a digest from an environment. A person's word lifts it for what that person started, and
 * only what was known when it was given: a digest found ill once more afterwards needs another.
 * @param intent going back to what ran before is never kept from anyone.
 * @param forced when a person said so (milliseconds); undefined: nobody did.
 * @returns in words why not, and what to do; undefined if nothing keeps it.
 */
export function refuseQuarantined(
  quarantine: Quarantine | undefined,
  intent: Intent,
  forced: number | undefined,
): string | undefined {
  if (quarantine === undefined || quarantine.lifted !== undefined || !brings(intent)) return undefined;
  if (forced !== undefined && forced >= quarantine.since) return undefined;
  const { digest, environment, release, since, reason } = quarantine;
  return `${digest} is in quarantine: as ${release} it was found unhealthy in ${environment} and rolled back at ${new Date(since).toISOString()} (${shorten(reason)}). Push a repaired image; to deploy this one all the same, start it by hand with "force":true and a "reason"`;
}

/** Causes hold the ends of logs; the record of the deployment has the whole. */
function shorten(reason: string): string {
  const [line = ""] = reason.split("\n");
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}

/**
 * Whether what was deployed is known to be ill: it was judged unhealthy, by us or by its target, and what ran before
 * is healthy in the same place. A fault of AWS, a failed test or a look that could not be made says nothing of it.
 */
export function isProvenIll(
  { intent, health = [], bake }: Pick<Deployment, "intent" | "health" | "bake">,
  failures: readonly { readonly error: string }[],
  outcome: Outcome,
): boolean {
  if (outcome !== "RolledBack" || !brings(intent)) return false;
  const judged = health.find(({ phase }) => phase === "deployed")?.verdict === "unhealthy";
  return judged || bake?.verdict === "unhealthy" || failures[0]?.error === "TargetRolledBack";
}
