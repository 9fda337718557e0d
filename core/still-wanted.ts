import { refuseHeld } from "./hold.ts";
import { brings } from "./intent.ts";
import { canRunOn } from "./migration.ts";
import { forcedAt, isAutomatic, refuseQuarantined } from "./quarantine.ts";
import type { Deployment, EnvironmentRecord, Quarantine, Release, Revision } from "./records.ts";

export type StillWanted =
  | { readonly wanted: true }
  /** `Superseded`: something newer took its place, and nobody asked for this one. */
  | { readonly wanted: false; readonly error: "Superseded" | "DeploymentRefused"; readonly reason: string };

/**
 * Whether a deployment that has its turn is still what should be live: what is live may have changed while it
 * waited. Only a rollback may go back, and only to code that can run on the live schema as far as that is known.
 */
export function decideStillWanted(
  { intent, environment }: Pick<Deployment, "intent" | "environment">,
  release: Pick<Release, "id" | "trigger" | "sequence" | "builtAgainst">,
  live: Revision | undefined,
): StillWanted {
  if (intent === "recover" || live === undefined) return { wanted: true };
  if (live.release === release.id)
    return refuse(
      `${release.id} is live in ${environment} already; to make it serve again, start {"intent":"recover",…}`,
    );
  if (intent === "rollback") return decideRollback(environment, release, live);
  if (release.sequence >= live.sequence) return { wanted: true };
  const order = `${release.id} (order ${release.sequence}) is older than ${live.release} (order ${live.sequence}), which is live in ${environment}`;
  if (intent === "deploy" && release.trigger === "push")
    return { wanted: false, error: "Superseded", reason: order };
  return refuse(`${order}; to go back, start {"intent":"rollback",…}`);
}

/**
 * Whether something was found of a digest or an environment, before or while this deployment waited, that keeps it
 * from being deployed.
 * @returns in words why; undefined if nothing does.
 */
export function refuseGuarded(
  deployment: Pick<Deployment, "intent" | "force" | "openedAt" | "startedBy">,
  release: Pick<Release, "id" | "sequence" | "trigger" | "force" | "openedAt">,
  environment: Pick<EnvironmentRecord, "environment" | "hold">,
  quarantine: Quarantine | undefined,
): string | undefined {
  if (!brings(deployment.intent)) return undefined;
  return (
    refuseQuarantined(quarantine, deployment.intent, forcedAt(deployment, release)) ??
    refuseHeld(environment, release, isAutomatic(deployment, release))
  );
}

function decideRollback(
  environment: string,
  { id, builtAgainst }: Pick<Release, "id" | "builtAgainst">,
  live: Revision,
): StillWanted {
  if (canStay(builtAgainst, live) !== false) return { wanted: true };
  const oldest = live.readableFrom ?? live.schema;
  return refuse(
    `${id} was built against schema ${builtAgainst} and cannot run on ${live.schema}, which ${environment} has now and which code from ${oldest} on can read; go back to a newer revision, or repair forward with a new release`,
  );
}

/** Whether code can run on the schema that a revision left in its environment; undefined if a label is missing. */
export function canStay(builtAgainst: string | undefined, live: Revision): boolean | undefined {
  const { schema, schemaHistory = [], readableFrom } = live;
  if (schema === undefined) return undefined;
  return canRunOn(builtAgainst, { revision: schema, history: schemaHistory, readableFrom });
}

function refuse(reason: string): StillWanted {
  return { wanted: false, error: "DeploymentRefused", reason };
}
