import { brings } from "./intent.ts";
import type { Outcome } from "./outcome.ts";
import type { Deployment, EnvironmentRecord, Hold, Release } from "./records.ts";

/**
 * Whether an environment's hold keeps a deployment from it. Something was taken back there, or could not be judged: a
 * push has to be newer than that; what a person starts is a person's word.
 * @param automatic whether nobody but a push asks for it.
 * @returns in words why, and what to do; undefined if nothing keeps it.
 */
export function refuseHeld(
  { environment, hold }: Pick<EnvironmentRecord, "environment" | "hold">,
  release: Pick<Release, "id" | "sequence">,
  automatic: boolean,
): string | undefined {
  if (hold === undefined || !automatic || release.sequence > hold.sequence) return undefined;
  return `${environment} is held since ${new Date(hold.since).toISOString()}, when ${hold.reason}; ${release.id} (order ${release.sequence}) is not newer than ${hold.release} (order ${hold.sequence}). Push a newer image, or start this one by hand: {"intent":"deploy","release":"${release.id}","environment":"${environment}","reason":"…"}`;
}

/**
 * The hold of an environment once a deployment there has ended; undefined: nothing is held. It is set when a release
 * was taken back, by us or by a person, and when nobody can tell how it fared; what is newer and live lifts it.
 * @param before the hold until now.
 */
export function holdAfter(
  before: Hold | undefined,
  deployment: Pick<Deployment, "intent" | "previous" | "environment">,
  release: Pick<Release, "id" | "sequence">,
  outcome: Outcome,
  now: number,
): Hold | undefined {
  const { intent, previous } = deployment;
  if (outcome === "Released" && brings(intent)) return undefined;
  if (outcome === "Released" && intent === "rollback") {
    if (previous === undefined) return before;
    if (release.sequence >= Math.max(before?.sequence ?? 0, previous.sequence)) return undefined;
    const left = { release: previous.release, sequence: previous.sequence };
    return later(before, { ...left, reason: `a person went back from ${previous.release}`, since: now });
  }
  if (!brings(intent)) return before;
  const held = { release: release.id, sequence: release.sequence, since: now };
  if (outcome === "RolledBack") return later(before, { ...held, reason: `${release.id} was rolled back` });
  if (outcome === "NeedsAttention")
    return later(before, { ...held, reason: `${release.id} ended as NeedsAttention` });
  return before;
}

/** A hold never moves back: what was newest stays what has to be outdone. */
function later(before: Hold | undefined, next: Hold): Hold {
  return before !== undefined && before.sequence > next.sequence ? before : next;
}
