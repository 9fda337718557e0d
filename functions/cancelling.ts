import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { connectTasks } from "../aws/ecs.ts";
import { connectExecutions } from "../aws/states.ts";
import { cancellationOf, describeCancellation, planCancel } from "../core/cancel.ts";
import type { Cancellation, Deployment, Release } from "../core/records.ts";
import type { Wait } from "../core/wait.ts";
import { connectionOf } from "./environment-connection.ts";
import type { Place } from "./middleware.ts";
import { deploymentOf } from "./stage-scope.ts";

/**
 * Cancels a release, wherever it is: notes it on the record, which every function on the way forward reads before it
 * does anything, and ends what is waited for. The machines then end by themselves: builds are stopped, a place in
 * line is given up, a migration is told to stop, and an environment that was changed goes back. An operation of the
 * target cannot be stopped: that environment goes back when it ends.
 * @param by who asks: the ARN of a person or of an execution.
 * @throws SpillwayError ReleaseNotFound; NothingToCancel if nothing of it is under way.
 */
export async function cancelRelease(
  place: Place,
  { release: id, reason, by }: { readonly release: string; readonly reason: string; readonly by: string },
): Promise<{ release: string; cancelled: Cancellation }> {
  const records = connectRecords(place.connection, place.environment.table);
  const { release, deployments } = await records.wholeRelease(id);
  const plan = planCancel(release, deployments);
  const cancelled = { at: place.connection.now(), by, reason };
  if (plan.release) await records.cancelRelease(id, cancelled);
  for (const deployment of plan.deployments) await records.cancelDeployment(deployment, cancelled);
  for (const wait of await records.openWaits())
    if (wait.release === id) await endIfCancelled(place, records, wait);
  return { release: id, cancelled };
}

/**
 * Ends the waits of all that was cancelled and is open still: what began to wait in the moment of the cancellation.
 * @param releases those that are open, @param deployments those that are.
 * @returns how many waits were looked at.
 */
export async function endCancelled(
  place: Place,
  releases: readonly Release[] = [],
  deployments: readonly Deployment[] = [],
): Promise<number> {
  const records = connectRecords(place.connection, place.environment.table);
  const open = [...releases, ...deployments];
  const cancelled = new Set(
    open.flatMap((one) => (one.cancelled === undefined ? [] : ["id" in one ? one.id : one.release])),
  );
  if (cancelled.size === 0) return 0;
  const waits = (await records.openWaits()).filter(({ release }) => cancelled.has(release));
  for (const wait of waits) await endIfCancelled(place, records, wait);
  return waits.length;
}

async function endIfCancelled(place: Place, records: Records, wait: Wait): Promise<void> {
  const cancellation = await cancellationOfWait(records, wait);
  if (cancellation === undefined) return;
  if (wait.kind === "operation") return;
  if (wait.kind === "task") return stopMigration(place, wait);
  const { connection } = place;
  const cause = describeCancellation(cancellation);
  const result = { end: "failed", error: "Cancelled", cause } as const;
  // The state is woken first: the end of a build that was stopped would say something else.
  await connectExecutions(connection).complete(wait.token, result);
  if (wait.kind === "build" && wait.awaitedArn !== undefined)
    await connectBuilds(connection).stop(wait.awaitedArn);
  await records.closeWait(wait, result);
}

async function cancellationOfWait(records: Records, wait: Wait): Promise<Cancellation | undefined> {
  const name = deploymentOf(wait);
  const [release, deployment] = await Promise.all([
    records.requireRelease(wait.release),
    name && records.deployment(name),
  ]);
  if (name === undefined) return cancellationOf(release);
  return deployment === undefined ? undefined : cancellationOf(release, deployment);
}

/** A migration is given time to undo what is under way; tasks that only ask end by themselves, and are needed. */
async function stopMigration(place: Place, wait: Wait): Promise<void> {
  const { purpose, cluster = "" } = wait.subject;
  if (purpose !== "up" || wait.awaitedArn === undefined) return;
  await connectTasks(connectionOf(place, wait)).stop(cluster, wait.awaitedArn, "the release was cancelled");
}
