import { brings } from "../core/intent.ts";
import type { Release, Revision } from "../core/records.ts";
import type { OpenDeployment } from "./deployment.ts";

/**
 * The release whose migration image knows the schema: the deployment's own. A recovery asks that of the deployment
 * which was broken off, because that one may have migrated. Where nobody knows the schema or what can read it, and
 * nothing new comes, it is the one that may have changed it last.
 */
export async function schemaSource({ records, release, deployment }: OpenDeployment): Promise<Release> {
  const { intent, previous, migration } = deployment;
  const left =
    brings(intent) || isKnown(previous) ? undefined : (previous?.schemaLeftBy ?? previous?.release);
  const id = migration?.by ?? left ?? release.id;
  return id === release.id ? release : records.requireRelease(id);
}

/** Whether it is on record where the schema of what is live stands, and what can read it. */
export function isKnown(live: Revision | undefined): boolean {
  return live === undefined || (live.schema !== undefined && live.schemaLeftBy === undefined);
}
