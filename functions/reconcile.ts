import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectExecutions } from "../aws/states.ts";
import { lookFor } from "./looks.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { settle } from "./waiting.ts";

/** Each minute: asks about overdue waits, because events are hints, and closes releases whose execution ended. */
export const reconcile: FunctionDefinition<z.ZodMiniUnknown, { waits: number; releases: number }> = {
  name: "Reconcile",
  input: z.unknown(),
  async run(_event, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const waits = await records.overdueWaits(place.connection.now());
    for (const wait of waits) await settle(place, wait, lookFor(place));
    return { waits: waits.length, releases: await closeAbandoned(place) };
  },
};

async function closeAbandoned({ connection, environment: { table } }: Place): Promise<number> {
  const records = connectRecords(connection, table);
  const executions = connectExecutions(connection);
  let closed = 0;
  for (const { id, executionArn } of await records.openReleases()) {
    if ((await executions.endedAt(executionArn)) === undefined) continue;
    const reason = `the execution ended without closing the release; see its history: ${executionArn}`;
    if (await records.closeRelease(id, { endedAt: connection.now(), outcome: "NeedsAttention", reason }))
      closed++;
  }
  return closed;
}

export const handler = createHandler(reconcile);
