import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import type { Wait } from "../core/wait.ts";
import { endCancelled } from "./cancelling.ts";
import { lookAtWork } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { closeReleases, recoverEnvironments } from "./recovery.ts";
import { deploymentOf } from "./stage-scope.ts";
import { freeLeases } from "./takeover.ts";
import { lookAtTurn } from "./turn.ts";
import { settle } from "./waiting.ts";

interface Reconciled {
  readonly waits: number;
  readonly environments: number;
  readonly leases: number;
  readonly releases: number;
}

/** Each minute, because events are hints: asks about overdue waits, and sees to what ended executions left open or locked. */
export const reconcile: FunctionDefinition<z.ZodMiniUnknown, Reconciled> = {
  name: "Reconcile",
  input: z.unknown(),
  async run(_event, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const waits = await records.overdueWaits(place.connection.now());
    for (const wait of waits)
      if (!(await closeForgotten(records, wait)))
        await settle(place, wait, wait.kind === "turn" ? lookAtTurn(place) : lookAtWork(place));
    await endCancelled(place);
    const environments = await recoverEnvironments(place);
    const leases = await freeLeases(place);
    return { waits: waits.length, environments, leases, releases: await closeReleases(place) };
  },
};

/**
 * Closes a wait for work whose ARN was lost and whose deployment or release has ended: nobody waits for it any more,
 * and nothing is there to be asked.
 * @returns whether it was one.
 */
async function closeForgotten(records: Records, wait: Wait): Promise<boolean> {
  if (wait.awaitedArn !== undefined) return false;
  const deployment = deploymentOf(wait);
  const record =
    deployment === undefined ? await records.release(wait.release) : await records.deployment(deployment);
  if (record !== undefined && record.endedAt === undefined) return false;
  const cause = "nobody waited for it any more";
  return records.closeWait(wait.key, { end: "failed", error: "Stopped", cause });
}

export const handler = createHandler(reconcile);
