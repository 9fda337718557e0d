import { SpillwayError } from "./errors.ts";
import type { EnvironmentRecord, Revision } from "./records.ts";

/** So many revisions that were live are kept, besides the live one. */
const longestHistory = 20;

/**
 * What is live and what was, once `next` serves.
 * @param why whether it replaced its predecessor or a person went back to it; one that was gone back from is not
 *   "previous" any more.
 */
export function replaceLive(
  { live, history = [] }: Pick<EnvironmentRecord, "live" | "history">,
  next: Revision,
  why: "replaced" | "rolled-back",
): { live: Revision; history: Revision[] } {
  if (live === undefined || live.release === next.release) return { live: next, history: [...history] };
  const { schemaHistory: _, readableFrom: __, schemaLeftBy: ___, ...past } = live;
  const left: Revision = why === "rolled-back" ? { ...past, goneBackFrom: true } : past;
  const others = history.filter(({ release }) => release !== next.release && release !== live.release);
  return { live: next, history: [left, ...others].slice(0, longestHistory) };
}

/** What was live before, passing over what was gone back from. */
export function previousRevision(history: readonly Revision[]): Revision | undefined {
  return history.find(({ goneBackFrom }) => goneBackFrom !== true);
}

/**
 * The revision to which an environment is to go back.
 * @param to a release, or `previous`: what was live before, passing over what was gone back from.
 * @throws SpillwayError NothingToRollBackTo, naming those there are.
 */
export function findRevision(
  { environment, live, history = [] }: Pick<EnvironmentRecord, "environment" | "live" | "history">,
  to: string,
): Revision {
  const found =
    to === "previous"
      ? previousRevision(history)
      : [...(live === undefined ? [] : [live]), ...history].find(({ release }) => release === to);
  if (found !== undefined) return found;
  const known = history.map(({ release }) => release).join(", ");
  throw new SpillwayError(
    "NothingToRollBackTo",
    to === "previous"
      ? `${environment} has no previous revision to go back to${known === "" ? "" : `; name one of ${known}`}.`
      : `${environment} never ran ${to.slice(0, 100)}, or too long ago; it can go back to ${known || "nothing"}.`,
  );
}
