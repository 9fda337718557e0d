import { endUntouched, type Outcome } from "./outcome.ts";
import type { Deployment } from "./records.ts";

/** So often an environment is recovered after one broken execution; then a person must look. */
export const mostRecoveries = 3;

/**
 * How a deployment ended whose execution was broken off, once its environment was recovered.
 * @param end `status` of the execution: ABORTED, FAILED or TIMED_OUT; undefined if it was redriven since.
 * @param recovery the deployment that recovered it, and how that ended.
 */
export function endBroken(
  broken: Deployment,
  end: { readonly status: string | undefined; readonly isCancelled: boolean },
  recovery: { readonly deployment: Deployment; readonly outcome: Outcome; readonly reason: string },
): { outcome: Outcome; reason: string } {
  const { deployment, outcome, reason } = recovery;
  const said = `its execution was broken off; the recovery says: ${reason}`;
  if (broken.switched !== undefined && deployment.previous?.release === broken.release)
    return { outcome: "Released", reason: `it was on record as live when ${said}` };
  if (outcome !== "Released") return { outcome: "NeedsAttention", reason: said };
  return touchedNothing(broken)
    ? { outcome: endUntouched(end.status, end.isCancelled), reason: `nothing was touched when ${said}` }
    : { outcome: "RolledBack", reason: said };
}

/** Whether a deployment can have changed neither the database nor the target. */
export function touchedNothing({ migration, switched }: Pick<Deployment, "migration" | "switched">): boolean {
  return switched === undefined && (migration === undefined || migration.skipped === true);
}
