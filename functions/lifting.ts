import { connectRecords } from "../aws/dynamodb.ts";
import { SpillwayError } from "../core/errors.ts";
import type { Perform } from "./operations.ts";

/** Lets an environment take what is not newer than what was taken back there. Nothing is started by it. */
export const liftHold: Perform<"lift-hold"> = async ({ service, environment }, _by, place) => {
  const records = connectRecords(place.connection, place.environment.table);
  const { hold } = await records.environment(service, environment);
  if (hold === undefined || !(await records.liftHold(service, environment, hold)))
    throw new SpillwayError("NothingToDo", `${environment} of ${service} is not held.`);
  return `${environment} of ${service} is not held any more (it was because ${hold.reason}); what was refused meanwhile is started by hand`;
};

/** Lets a digest be deployed again without force. Nothing is started by it. */
export const liftQuarantine: Perform<"lift-quarantine"> = async (request, { userArn, at }, place) => {
  const { service, digest, reason } = request;
  const records = connectRecords(place.connection, place.environment.table);
  if (await records.liftQuarantine(service, digest, { at, by: userArn, reason }))
    return `${digest} of ${service} is out of quarantine; start its release by hand`;
  const others = (await records.quarantines(service)).filter(({ lifted }) => lifted === undefined);
  const known = others.map((one) => `${one.digest} (${one.release})`).join(", ");
  throw new SpillwayError(
    "NothingToDo",
    `${digest} of ${service} is not in quarantine; ${known === "" ? "nothing is" : `there are ${known}`}.`,
  );
};
