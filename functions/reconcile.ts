import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { isOverdue, type Wait } from "../core/wait.ts";
import { lookAtApproval } from "./approval.ts";
import { endCancelled } from "./cancelling.ts";
import { lookAtWork } from "./looks.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { closeReleases, recoverEnvironments } from "./recovery.ts";
import { deploymentOf } from "./stage-scope.ts";
import { freeLeases } from "./takeover.ts";
import { lookAtTurn } from "./turn.ts";
import { type Look, settle } from "./waiting.ts";

interface Reconciled {
  readonly waits: number;
  readonly environments: number;
  readonly leases: number;
  readonly releases: number;
}

/**
 * Each minute, because events are hints: asks about waits that are due, and sees to what ended executions left open or
 * locked. What cannot be done for one holds up none of the others; it is thrown in the end.
 */
export const reconcile: FunctionDefinition<z.ZodMiniUnknown, Reconciled> = {
  name: "Reconcile",
  input: z.unknown(),
  async run(_event, place, tell) {
    const failures: unknown[] = [];
    const attempt = <Value>(work: () => Promise<Value>) =>
      work().catch((error: unknown) => {
        failures.push(error);
        return undefined;
      });
    const records = connectRecords(place.connection, place.environment.table);
    const now = place.connection.now();
    // Asked for once: whoever finds something to do reads the record itself before.
    const open = await records.allOpen();
    const waits = open.waits().filter(({ lookAgainAt }) => lookAgainAt <= now);
    tell({ counts: { OverdueWaits: waits.filter((wait) => isOverdue(wait, now)).length }, warnings: [] });
    for (const wait of waits) await attempt(() => seeTo(place, records, wait));
    const openReleases = await attempt(async () => open.releases());
    const openDeployments = await attempt(async () => open.deployments());
    await attempt(() => endCancelled(place, openReleases, openDeployments));
    const environments = await attempt(() => recoverEnvironments(place, openDeployments));
    const leases = await attempt(() => freeLeases(place, open.environments(), openDeployments));
    const releases = await attempt(() => closeReleases(place, openReleases, openDeployments));
    const [first] = failures;
    if (failures.length === 1) throw first;
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join("; "));
    return {
      waits: waits.length,
      environments: environments ?? 0,
      leases: leases ?? 0,
      releases: releases ?? 0,
    };
  },
};

async function seeTo(place: Place, records: Records, wait: Wait): Promise<void> {
  if (await closeForgotten(records, wait)) return;
  await settle(place, wait, lookFor(wait, place));
}

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
  return records.closeWait(wait, { end: "failed", error: "Stopped", cause });
}

/** Turns and approvals are no service's work, so no event tells of them. */
function lookFor({ kind }: Wait, place: Place): Look {
  if (kind === "turn") return lookAtTurn(place);
  return kind === "approval" ? lookAtApproval(place) : lookAtWork(place);
}

export const handler = createHandler(reconcile);
