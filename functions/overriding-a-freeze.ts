import { connectRecords } from "../aws/dynamodb.ts";
import { SpillwayError } from "../core/errors.ts";
import type { Perform } from "./operations.ts";
import { giveTurn } from "./turn.ts";

/** Lets one release go in spite of a freeze window. A stopped line stays stopped: that is resumed. */
export const overrideFreeze: Perform<"override-freeze"> = async (request, { userArn, at }, place) => {
  const { release, environment, reason } = request;
  const records = connectRecords(place.connection, place.environment.table);
  const { service } = await records.requireRelease(release);
  const { freezeOverride, stopped } = await records.environment(service, environment);
  if (freezeOverride?.release === release)
    throw new SpillwayError(
      "NothingToDo",
      `${freezeOverride.by} let ${release} go already, on ${new Date(freezeOverride.at).toISOString()}: ${freezeOverride.reason}.`,
    );
  await records.overrideFreeze(service, environment, { release, by: userArn, reason, at });
  await giveTurn(place, await records.environment(service, environment));
  const still =
    stopped === undefined ? "" : `; the line is stopped besides, by ${stopped.by}: ${stopped.reason}`;
  return `no freeze window of ${environment} keeps ${release} waiting${still}`;
};
