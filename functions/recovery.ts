import { connectRecords } from "../aws/dynamodb.ts";
import { idempotencyToken } from "../aws/idempotency.ts";
import { connectExecutions } from "../aws/states.ts";
import { cancellationOf } from "../core/cancel.ts";
import { deploymentKey } from "../core/names.ts";
import { decideAbandonedOutcome, type ExecutionEnd, endUntouched } from "../core/outcome.ts";
import type { Deployment, Release } from "../core/records.ts";
import { mostRecoveries } from "../core/recovery.ts";
import type { Place } from "./middleware.ts";
import { stopBuilds } from "./stopping.ts";
import { placeInLine } from "./turn.ts";

/** A record that is open although the execution that should close it has ended. */
interface Broken<Kind> {
  readonly record: Kind;
  readonly end: ExecutionEnd;
}

/**
 * Has every environment recovered whose deployment was broken off: an execution that is named after the broken one,
 * so that the same news told twice starts one. After three that did not close the deployment, a person must look.
 * @param open the deployments that are.
 * @param only if given, the environment of that execution's deployment alone.
 * @returns how many environments were seen to.
 */
export async function recoverEnvironments(
  place: Place,
  open: readonly Deployment[] = [],
  only?: string,
): Promise<number> {
  const { connection, environment } = place;
  const records = connectRecords(connection, environment.table);
  const heard = open.find(({ executionArn }) => executionArn === only);
  if (only !== undefined && heard === undefined) return 0;
  const concerned = heard === undefined ? open : open.filter((one) => placeOf(one) === placeOf(heard));
  // The first that was broken names the recovery, so that a recovery broken off itself counts as one of three.
  const seen = new Map<string, Broken<Deployment>>();
  for (const broken of await findBroken(place, concerned)) {
    const { record } = broken;
    // An index is a little behind: what it calls open may be closed.
    if ((await records.deployment(record))?.endedAt !== undefined) continue;
    await stopBuilds(place, deploymentKey(record), "stopped because the deployment was broken off");
    if (await closeUnbegun(place, broken)) continue;
    const other = seen.get(placeOf(record));
    if (other === undefined || record.openedAt < other.record.openedAt) seen.set(placeOf(record), broken);
  }
  for (const broken of seen.values()) await startRecovery(place, broken);
  return seen.size;
}

function placeOf({ service, environment }: Deployment): string {
  return `${service}/${environment}`;
}

async function findBroken<Kind extends { readonly executionArn: string }>(
  { connection }: Place,
  open: readonly Kind[],
): Promise<Broken<Kind>[]> {
  const executions = connectExecutions(connection);
  const broken: Broken<Kind>[] = [];
  for (const record of open) {
    const { executionArn } = record;
    const end = await executions.describe(executionArn);
    if (end?.endedAt !== undefined) broken.push({ record, end: { executionArn, ...end } });
  }
  return broken;
}

/**
 * One that never had its turn touched nothing, so there is nothing to recover. Its wait is left to `Reconcile`, which
 * wakes whoever waits again because he was redriven meanwhile.
 */
async function closeUnbegun(place: Place, { record, end }: Broken<Deployment>): Promise<boolean> {
  const { connection, environment: home } = place;
  if (record.fence !== undefined) return false;
  const records = connectRecords(connection, home.table);
  const release = await records.requireRelease(record.release);
  await records.closeDeployment(record, {
    endedAt: connection.now(),
    outcome: endUntouched(end.status, cancellationOf(release, record) !== undefined),
    reason: `nothing was touched; ${describe(end)} before it had its turn`,
  });
  await records.leaveLine(...placeInLine(record));
  return true;
}

async function startRecovery(place: Place, { record, end }: Broken<Deployment>): Promise<void> {
  const { connection, environment: home } = place;
  const { service, environment } = record;
  const executions = connectExecutions(connection);
  const records = connectRecords(connection, home.table);
  const { deployMachineArn } = (await records.installation()).resources;
  const base = idempotencyToken(end.executionArn).slice(0, 32);
  for (let attempt = 1; attempt <= mostRecoveries; attempt++) {
    const name = `recover-${attempt}-${base}`;
    const arn = `${deployMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    const earlier = await executions.describe(arn);
    if (earlier !== undefined && earlier.endedAt === undefined) return;
    if (earlier !== undefined) {
      // A recovery closes what was broken off before it ends; whoever took long to come here saw that open.
      if ((await records.deployment(record))?.endedAt !== undefined) return;
      continue;
    }
    await executions.start(deployMachineArn, name, {
      intent: "recover",
      service,
      environment,
      reason: describe(end).slice(0, 500),
      AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: end.executionArn,
    });
    return;
  }
  await giveUp(place, record, end);
}

/** Freezes the environment and closes what is open there; its lease is freed once nothing is at work any more. */
async function giveUp(place: Place, { service, environment }: Deployment, end: ExecutionEnd): Promise<void> {
  const { connection, environment: home } = place;
  const records = connectRecords(connection, home.table);
  const reason = `${describe(end)}, and ${mostRecoveries} recoveries did not end either; look at the target and the database, then start {"intent":"recover","service":"${service}","environment":"${environment}"}`;
  const since = connection.now();
  for (const { record } of await findBroken(place, await records.openDeployments())) {
    if (placeOf(record) !== `${service}/${environment}`) continue;
    await records.freeze(service, environment, { reason, since, release: record.release });
    await records.closeDeployment(record, { endedAt: since, outcome: "NeedsAttention", reason });
  }
}

/**
 * Closes every release whose execution ended without doing so, and stops its builds. One with a deployment still open
 * waits for that: its end is the release's.
 * @param open the releases that are.
 * @param openDeployments the deployments that are; nobody is asked about a release that has one.
 * @param only if given, the release of that execution alone.
 * @returns how many were closed.
 */
export async function closeReleases(
  place: Place,
  open: readonly Release[] = [],
  openDeployments: readonly Deployment[] = [],
  only?: string,
): Promise<number> {
  const { connection, environment } = place;
  const records = connectRecords(connection, environment.table);
  let closed = 0;
  const concerned = open
    .filter(({ executionArn }) => only === undefined || executionArn === only)
    .filter((release) => !openDeployments.some(isOf(release)));
  for (const { record, end } of await findBroken(place, concerned)) {
    await stopBuilds(place, record.id, "stopped because the release's execution ended");
    const deployments = (await records.deployments(record.id)).filter(isOf(record));
    if (deployments.some(({ endedAt }) => endedAt === undefined)) continue;
    const ending = decideAbandonedOutcome(end, deployments, record.cancelled !== undefined);
    if (await records.closeRelease(record.id, { ...ending, endedAt: connection.now() })) closed++;
  }
  return closed;
}

function isOf({ executionArn }: Release): (deployment: Deployment) => boolean {
  return ({ startedBy }) => startedBy === executionArn;
}

function describe({ executionArn, status, cause }: ExecutionEnd): string {
  const name = executionArn.split(":").at(-1);
  return `the execution ${name} ended as ${status}${cause ? ` (${cause})` : ""}`;
}
