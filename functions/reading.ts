import type { Records } from "../aws/dynamodb.ts";
import type { Config } from "../core/config.ts";
import type { EnvironmentRecord } from "../core/records.ts";

/**
 * Waits until all that was asked for together has come, or failed. What failed throws where it is used, so that it
 * holds up nothing else.
 */
export async function settled<Value>(reads: readonly Promise<Value>[]): Promise<readonly Promise<Value>[]> {
  await Promise.allSettled(reads);
  return reads;
}

/** The record of every environment of a config, as `settled` gives them. */
export function readEnvironments(
  records: Records,
  { services }: Config,
): Promise<readonly Promise<EnvironmentRecord>[]> {
  return settled(
    Object.entries(services).flatMap(([service, { environments }]) =>
      Object.keys(environments).map((name) => records.environment(service, name)),
    ),
  );
}

/**
 * Reads the releases that records name, in one request.
 * @returns what gives the release of an id that was named, as often as it is asked; undefined if there is none.
 */
export async function readReleases(records: Records, ids: readonly string[]) {
  const reads = new Map([...new Set(ids)].map((id) => [id, records.release(id)]));
  await settled([...reads.values()]);
  return (id: string) => reads.get(id) ?? records.release(id);
}
