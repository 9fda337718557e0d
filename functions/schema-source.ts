import { brings } from "../core/intent.ts";
import type { Release } from "../core/records.ts";
import type { OpenDeployment } from "./deployment.ts";

/**
 * The release whose migration image knows the schema: the deployment's own. A recovery asks that of the deployment
 * which was broken off, because that one may have migrated. Where nobody knows the schema, and nothing new comes, it is
 * the one that may have changed it last.
 */
export async function schemaSource({ records, release, deployment }: OpenDeployment): Promise<Release> {
  const { recovers = [], intent, previous } = deployment;
  for (const name of recovers.toReversed()) {
    const broken = await records.deployment(name);
    if (broken?.migration === undefined || broken.migration.skipped === true) continue;
    const own = await records.requireRelease(name.release);
    // A recovery that was broken off itself migrated nothing: what it was to recover may have.
    return broken.intent === "recover" ? schemaSource({ records, release: own, deployment: broken }) : own;
  }
  if (brings(intent) || previous === undefined) return release;
  if (previous.schema !== undefined && previous.schemaLeftBy === undefined) return release;
  const id = previous.schemaLeftBy ?? previous.release;
  return id === release.id ? release : records.requireRelease(id);
}
