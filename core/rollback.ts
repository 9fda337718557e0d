import type { Revision } from "./records.ts";

/** What the target says of itself. */
export interface TargetState {
  readonly exists: boolean;
  readonly busy: boolean;
  /** The image that serves, or is being brought up while `busy`. */
  readonly imageUri: string | undefined;
}

export type RollbackPlan =
  /** The target was never told anything: the previous revision serves as before. */
  | { readonly action: "nothing-done" }
  /** The target went back by itself. */
  | { readonly action: "already-back"; readonly revision: Revision }
  | { readonly action: "restore"; readonly revision: Revision }
  /** The target is still at work and cannot be stopped; look again. */
  | { readonly action: "wait" }
  | { readonly action: "nothing-to-go-back-to" };

/**
 * Decides how an environment gets back to `live`, from what was really done and what really runs.
 * @param switched whether the deployment may have told the target to change.
 */
export function planRollback(
  switched: boolean,
  live: Revision | undefined,
  target: TargetState,
): RollbackPlan {
  if (!switched) return { action: "nothing-done" };
  if (target.busy) return { action: "wait" };
  if (live === undefined) return { action: "nothing-to-go-back-to" };
  if (target.imageUri === live.image.uri) return { action: "already-back", revision: live };
  return { action: "restore", revision: live };
}
