import * as z from "zod/mini";
import { connectAppRunner } from "../aws/apprunner.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectEvents } from "../aws/events.ts";
import { findDrift as compare, describeDrift, isComparable, noteDrift, onRecord } from "../core/drift.ts";
import type { EnvironmentRecord } from "../core/records.ts";
import { targetOf } from "../core/settings.ts";
import { connectionTo } from "./environment-connection.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";

/**
 * Every five minutes: tells where something else runs than what is on record as live, because somebody changed it
 * without Spillway. It changes nothing there. Each drift is told once, and that it is over; while it lasts it is
 * counted. What cannot be asked about one environment holds up none of the others; it is thrown in the end.
 */
export const findDrift: FunctionDefinition<z.ZodMiniUnknown, { readonly drifted: number }> = {
  name: "FindDrift",
  input: z.unknown(),
  async run(_event, place, tell) {
    const records = connectRecords(place.connection, place.environment.table);
    const { config, resources } = await records.installation();
    const failures: unknown[] = [];
    const warnings: string[] = [];
    let drifted = 0;
    for (const [service, { environments }] of Object.entries(config.services))
      for (const name of Object.keys(environments)) {
        const environment = await records.environment(service, name);
        const looked = look(place, resources.prefix, environment, (warning) => warnings.push(warning));
        const isDrifted = await looked.catch((error: unknown) => {
          failures.push(error);
          return false;
        });
        if (isDrifted) drifted++;
      }
    tell({ counts: { Drifted: drifted }, warnings });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    return { drifted };
  },
};

export const handler = createHandler(findDrift);

/** @returns whether something else runs there than what is on record. */
async function look(
  place: Place,
  bus: string,
  environment: EnvironmentRecord,
  warn: (warning: string) => void,
): Promise<boolean> {
  const { connection } = place;
  const { service, environment: name, live } = environment;
  if (live === undefined || !isComparable(environment, connection.now())) return false;
  const records = connectRecords(connection, place.environment.table);
  const release = await records.requireRelease(live.release);
  const target = connectAppRunner(connectionTo(place, release, name));
  const { found } = await target.describe(targetOf(release, name));
  const finding = compare(onRecord(live, release, name), found);
  const decided = noteDrift(environment, live.release, finding, connection.now());
  if (decided.note === "nothing") return finding.found === "drifted";
  const events = connectEvents(connection);
  const subject = { service, environment: name, release: live.release };
  if (decided.note === "clear") {
    await events.put(bus, "Drift Ended", subject);
    await records.noteDrift(environment, undefined);
    return false;
  }
  const { drift } = decided;
  // A deployment that began meanwhile is what changes the target.
  if (!(await records.noteDrift(environment, drift))) return false;
  const said = describeDrift(service, name, drift);
  warn(said);
  await events.put(bus, "Drift Found", { ...subject, differences: drift.differences, said });
  await records.toldDrift(service, name, drift);
  return true;
}
