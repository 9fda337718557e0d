import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { lookAtWork } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { closeReleases, recoverEnvironments } from "./recovery.ts";
import { lookAtTurn } from "./turn.ts";
import { settle } from "./waiting.ts";

interface Reconciled {
  readonly waits: number;
  readonly environments: number;
  readonly releases: number;
}

/** Each minute, because events are hints: asks about overdue waits, and sees to what ended executions left open. */
export const reconcile: FunctionDefinition<z.ZodMiniUnknown, Reconciled> = {
  name: "Reconcile",
  input: z.unknown(),
  async run(_event, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const waits = await records.overdueWaits(place.connection.now());
    for (const wait of waits)
      await settle(place, wait, wait.kind === "turn" ? lookAtTurn(place) : lookAtWork(place));
    const environments = await recoverEnvironments(place);
    return { waits: waits.length, environments, releases: await closeReleases(place) };
  },
};

export const handler = createHandler(reconcile);
