import type { Release } from "../core/records.ts";
import type { OpenDeployment } from "./deployment.ts";

/**
 * The release whose migration image knows the schema: the deployment's own. A recovery asks that of the deployment
 * which was broken off, because that one may have migrated.
 */
export async function schemaSource({ records, release, deployment }: OpenDeployment): Promise<Release> {
  const { recovers = [] } = deployment;
  for (const name of recovers.toReversed()) {
    const broken = await records.deployment(name);
    if (broken?.migration !== undefined && broken.migration.skipped !== true)
      return records.requireRelease(name.release);
  }
  return release;
}
