import * as z from "zod/mini";
import { connectAppRunner } from "../aws/apprunner.ts";
import { connectRecords, requireThere } from "../aws/dynamodb.ts";
import { connectEvents } from "../aws/events.ts";
import { findDrift as compare, describeDrift, isComparable, noteDrift, onRecord } from "../core/drift.ts";
import type { EnvironmentRecord, Release, Revision } from "../core/records.ts";
import { targetOf } from "../core/settings.ts";
import { connectionTo } from "./environment-connection.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { readEnvironments, readReleases } from "./reading.ts";

/**
 * Each minute: tells where something else runs than what is on record as live, because somebody changed it
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
    const fail = (error: unknown) => void failures.push(error);
    const warn = (warning: string) => tell({ counts: {}, warnings: [warning] });
    const watched: Watched[] = [];
    for (const read of await readEnvironments(records, config))
      await read.then((environment) => watched.push(...watch(environment, place.connection.now())), fail);
    const releaseOf = await readReleases(
      records,
      watched.map(({ live }) => live.release),
    );
    let drifted = 0;
    for (const one of watched) {
      const looked = look(place, resources.prefix, one, releaseOf, warn);
      if (await looked.catch(fail)) drifted++;
    }
    tell({ counts: { Drifted: drifted }, warnings: [] });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    return { drifted };
  },
};

export const handler = createHandler(findDrift);

/** An environment that can be compared with what runs there, and what is live in it. */
interface Watched {
  readonly environment: EnvironmentRecord;
  readonly live: Revision;
}

/** The environment, if it can be compared now. */
function watch(environment: EnvironmentRecord, now: number): Watched[] {
  const { live } = environment;
  return live !== undefined && isComparable(environment, now) ? [{ environment, live }] : [];
}

/** @returns whether something else runs there than what is on record. */
async function look(
  place: Place,
  bus: string,
  { environment, live }: Watched,
  releaseOf: (id: string) => Promise<Release | undefined>,
  warn: (warning: string) => void,
): Promise<boolean> {
  const { connection } = place;
  const { service, environment: name } = environment;
  const records = connectRecords(connection, place.environment.table);
  const release = requireThere(live.release, await releaseOf(live.release));
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
