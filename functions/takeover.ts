import { connectAppRunner } from "../aws/apprunner.ts";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { connectTasks } from "../aws/ecs.ts";
import { connectExecutions } from "../aws/states.ts";
import { isQuiet } from "../core/lease.ts";
import { migrationKey } from "../core/names.ts";
import type { DeploymentName, EnvironmentRecord, FreedLease } from "../core/records.ts";
import { targetOf } from "../core/settings.ts";
import { type Wait, workName } from "../core/wait.ts";
import { connectionOf, connectionTo } from "./environment-connection.ts";
import type { Place } from "./middleware.ts";
import { giveTurn, withoutEnded } from "./turn.ts";

/** An execution that ended with a lease in its hands: since when nothing of it is at work, and how it ended. */
export interface QuietHolder {
  /** Milliseconds since the epoch: when the execution ended. A function of it may work for a while yet. */
  readonly since: number;
  readonly why: string;
}

/**
 * Whether an environment's lease may be taken from its owner: Step Functions says that it ended, and neither a
 * migration that it began nor an operation of the target goes on.
 * @returns undefined while one of these goes on, or if there is no lease.
 * @throws SpillwayError if one of them cannot be asked: in doubt the lease stays where it is.
 */
export async function findQuietHolder(
  place: Place,
  { lease, current, environment }: EnvironmentRecord,
): Promise<QuietHolder | undefined> {
  if (lease === undefined) return undefined;
  const records = connectRecords(place.connection, place.environment.table);
  const end = await connectExecutions(place.connection).describe(lease.owner);
  if (end?.endedAt === undefined) return undefined;
  if (current !== undefined && (await isAtWork(place, records, { ...current, environment })))
    return undefined;
  const { status, cause, endedAt } = end;
  const how = `${status}${cause === undefined ? "" : ` (${cause})`}`;
  return {
    since: endedAt,
    why: `its execution ended as ${how} without giving it back, and nothing that it began goes on`,
  };
}

async function isAtWork(place: Place, records: Records, deployment: DeploymentName): Promise<boolean> {
  const [release, up, down] = await Promise.all([
    records.requireRelease(deployment.release),
    records.wait(migrationKey(deployment, "up")),
    records.wait(migrationKey(deployment, "down")),
  ]);
  for (const wait of [up, down]) if (await isMigrating(place, wait)) return true;
  const target = connectAppRunner(connectionTo(place, release, deployment.environment));
  return (await target.describe(targetOf(release, deployment.environment))).busy;
}

/** A task may have been started although its ARN was lost; ECS knows by whom it was. */
async function isMigrating(place: Place, wait: Wait | undefined): Promise<boolean> {
  if (wait === undefined || wait.result !== undefined) return false;
  const tasks = connectTasks(connectionOf(place, wait));
  const { cluster = "" } = wait.subject;
  const arn = wait.awaitedArn ?? (await tasks.find(cluster, workName(wait)));
  return arn !== undefined && tasks.isRunning(cluster, arn);
}

/** What is kept of a lease that was taken from its owner; undefined if it was free. */
export function describeTakeover(
  lease: EnvironmentRecord["lease"],
  holder: QuietHolder | undefined,
  at: number,
): FreedLease | undefined {
  if (lease === undefined || holder === undefined) return undefined;
  const { owner, release, fence } = lease;
  return { owner, release, fence, at, reason: holder.why };
}

/**
 * Tidies what no execution can: who stands in line and has ended leaves it; and every lease is freed whose owner ended
 * after its deployment was closed, but before it gave the lease back, and gives the turn to the next. Where the
 * deployment is open still, its recovery takes the lease over.
 * @param open whose lease somebody has, or for which somebody waits; an index is a little behind.
 * @param deployments that are open: who has the lease and whoever waits for it are left alone if theirs are.
 * @returns how many.
 */
export async function freeLeases(
  place: Place,
  open: readonly EnvironmentRecord[],
  deployments: readonly DeploymentName[] = [],
): Promise<number> {
  const records = connectRecords(place.connection, place.environment.table);
  let freed = 0;
  for (const found of open) {
    if (isInOrder(found, deployments)) continue;
    const { service, environment } = found;
    const left = await withoutEnded(records, await records.environment(service, environment));
    if (left.lease === undefined) {
      if (left.next === undefined && left.ahead === undefined)
        await records.closeEnvironment(service, environment);
      continue;
    }
    if (await isOpen(records, left)) continue;
    const now = place.connection.now();
    const holder = await findQuietHolder(place, left);
    const end = describeTakeover(left.lease, holder, now);
    if (end === undefined || !isQuiet(holder?.since, now)) continue;
    const after = await records.releaseLease(service, environment, end);
    if (after !== undefined) freed++;
    await giveTurn(place, after ?? (await records.environment(service, environment)));
  }
  return freed;
}

function isInOrder(
  { environment, lease, current, next, ahead }: EnvironmentRecord,
  deployments: readonly DeploymentName[],
): boolean {
  const isOpen = (one: EnvironmentRecord["current"]) =>
    deployments.some(
      ({ release, attempt, environment: where }) =>
        where === environment && release === one?.release && attempt === one.attempt,
    );
  const waiting = [next, ahead].filter((one) => one !== undefined);
  if (lease === undefined && waiting.length === 0) return false;
  return (lease === undefined || isOpen(current)) && waiting.every(isOpen);
}

async function isOpen(records: Records, { current, environment }: EnvironmentRecord): Promise<boolean> {
  const deployment = current && (await records.deployment({ ...current, environment }));
  return deployment !== undefined && deployment.endedAt === undefined;
}
