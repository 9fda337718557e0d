import { connectRecords } from "../aws/dynamodb.ts";
import { SpillwayError } from "../core/errors.ts";
import type { EnvironmentRecord } from "../core/records.ts";
import type { Place } from "./middleware.ts";
import type { Perform } from "./operations.ts";
import { giveTurn } from "./turn.ts";

interface Wish {
  readonly service: string;
  readonly environment?: string | undefined;
}

/** Stops deploys and promotions where they are not stopped yet. What has the lease already goes on to its end. */
export const stopLine: Perform<"stop-the-line"> = async (request, { userArn, at }, place) => {
  const { service, reason } = request;
  const records = connectRecords(place.connection, place.environment.table);
  const stopped: string[] = [];
  const before: string[] = [];
  for (const environment of await placesOf(request, place))
    if (await records.stopLine(service, environment, { reason, by: userArn, since: at }))
      stopped.push(environment);
    else before.push(describe(await records.environment(service, environment)));
  if (stopped.length > 0)
    return `the line of ${service} is stopped in ${stopped.join(", ")}: no deploy and no promotion begins there until somebody resumes it; rollbacks and recoveries go on${before.length > 0 ? `; ${before.join("; ")}` : ""}`;
  throw new SpillwayError("NothingToDo", `${before.join("; ")}.`);
};

/** Lets deploys and promotions go on, and gives the next in line its turn at once. */
export const resumeLine: Perform<"resume-the-line"> = async (request, _by, place) => {
  const { service } = request;
  const records = connectRecords(place.connection, place.environment.table);
  const resumed: EnvironmentRecord[] = [];
  for (const name of await placesOf(request, place)) {
    const environment = await records.resumeLine(service, name);
    if (environment !== undefined) resumed.push(environment);
  }
  for (const environment of resumed) await giveTurn(place, environment);
  if (resumed.length > 0)
    return `the line of ${service} goes on in ${resumed.map(({ environment }) => environment).join(", ")}`;
  throw new SpillwayError(
    "NothingToDo",
    `The line of ${service} is not stopped${request.environment === undefined ? " anywhere" : ` in ${request.environment}`}.`,
  );
};

async function placesOf({ service, environment }: Wish, place: Place): Promise<string[]> {
  if (environment !== undefined) return [environment];
  const { config } = await connectRecords(place.connection, place.environment.table).installation();
  return Object.keys(config.services[service]?.environments ?? {});
}

function describe({ environment, stopped }: EnvironmentRecord): string {
  if (stopped === undefined) return `${environment} was just resumed by somebody else`;
  return `${environment} is stopped already, since ${new Date(stopped.since).toISOString()} by ${stopped.by}: ${stopped.reason}`;
}
