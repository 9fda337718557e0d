import type { Deployment, Revision } from "./records.ts";

/** What the target says of itself. */
export interface TargetState {
  readonly exists: boolean;
  readonly busy: boolean;
  /** The image that serves, or is being brought up while `busy`. */
  readonly imageUri: string | undefined;
  /** The release whose settings it was told; undefined if it was told none. */
  readonly release?: string | undefined;
}

export type RollbackPlan =
  /** The target was never told anything: the previous revision serves as before. */
  | { readonly action: "nothing-done" }
  /** The target went back by itself. */
  | { readonly action: "already-back"; readonly revision: Revision }
  | { readonly action: "restore"; readonly revision: Revision }
  /** The target is still at work and cannot be stopped; look again. */
  | { readonly action: "wait" }
  | { readonly action: "nothing-to-go-back-to" }
  /** A person's rollback failed; what to do next is a person's word again. */
  | { readonly action: "left" }
  /** The previous code cannot run on the schema as it is now. Whoever went back to it would break it. */
  | { readonly action: "schema-in-the-way" };

/** What was really done of a deployment, and whether it is not wanted any more. */
export type DoneDeployment = Pick<
  Deployment,
  "intent" | "switched" | "previous" | "startedBy" | "recovers" | "migration"
> & { readonly isCancelled?: boolean };

/** Whether neither the database nor the target was ever told anything, so that there is nothing to ask about. */
export function didNothing({ intent, switched, migration }: DoneDeployment): boolean {
  return intent !== "recover" && switched === undefined && migration === undefined;
}

/**
 * Decides how an environment gets back to what was live, from what was really done and what really runs.
 * A rollback is never rolled back. A recovery cannot know what was done, so it believes the target.
 * @param readable whether the previous code can run on the schema as it is now; undefined if a label is missing, and
 *   then it is tried: its health will tell.
 */
export function planRollback(
  deployment: DoneDeployment,
  target: TargetState,
  readable: boolean | undefined,
): RollbackPlan {
  const { intent, switched, previous } = deployment;
  if (intent !== "recover" && switched === undefined) {
    const left = leftOnNewSchema(deployment, target);
    if (left === undefined) return { action: "nothing-done" };
    return readable === false ? { action: "schema-in-the-way" } : left;
  }
  if (target.busy) return { action: "wait" };
  if (intent === "rollback") return { action: "left" };
  if (previous === undefined) return { action: "nothing-to-go-back-to" };
  if (readable === false) return { action: "schema-in-the-way" };
  if (runs(target, previous) && !isAskedFor(deployment))
    return { action: "already-back", revision: previous };
  return { action: "restore", revision: previous };
}

/** An image may be released once more with other settings, so the image alone does not tell. */
function runs({ imageUri, release }: TargetState, revision: Revision): boolean {
  return imageUri === revision.image.uri && (release === undefined || release === revision.release);
}

/**
 * Who is cancelled after its migration leaves the previous code on a schema that it has not run on: whether it is
 * well there is looked at.
 */
function leftOnNewSchema(
  { isCancelled, migration, previous }: DoneDeployment,
  { imageUri }: TargetState,
): RollbackPlan | undefined {
  const moved = migration?.confirmed === true && migration.before !== migration.after;
  if (isCancelled !== true || !moved || imageUri === undefined || imageUri !== previous?.image.uri)
    return undefined;
  return { action: "already-back", revision: previous };
}

/** A person who has a service recovered after no crash wants it started anew. */
function isAskedFor({
  intent,
  startedBy,
  recovers = [],
}: Pick<Deployment, "intent" | "startedBy" | "recovers">): boolean {
  return intent === "recover" && startedBy === undefined && recovers.length === 0;
}
