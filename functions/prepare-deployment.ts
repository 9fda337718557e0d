import { connectAppRunner } from "../aws/apprunner.ts";
import { connectExecutions } from "../aws/states.ts";
import { findDrift, onRecord } from "../core/drift.ts";
import { SpillwayError } from "../core/errors.ts";
import { brings } from "../core/intent.ts";
import { canRunOn, schemaAfter } from "../core/migration.ts";
import { planTracks, type Track } from "../core/plan.ts";
import { isForced } from "../core/quarantine.ts";
import type { Deployment, Release, Revision } from "../core/records.ts";
import { databaseOf, environmentOf, targetOf } from "../core/settings.ts";
import { canStay } from "../core/still-wanted.ts";
import type { Target } from "../core/target.ts";
import { DeploymentInput, type OpenDeployment, readWanted, updateDeployment } from "./deployment.ts";
import { connectionTo } from "./environment-connection.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { isKnown, schemaSource } from "./schema-source.ts";
import { lookAtService } from "./service-look.ts";

interface Preparation {
  /** Whether nothing new comes, and what is live is only to be made to serve. */
  readonly recover: boolean;
  /** Whether the database is asked first where its schema stands. */
  readonly checkDatabase: boolean;
  /** The stages that check the environment once the release serves. */
  readonly verification: readonly Track[];
  /** Seconds between two looks at it once it serves; 0: nobody watches it then. */
  readonly bakeIntervalSeconds: number;
}

/** Refuses, before anything moves, what could not be deployed or not be taken back. */
export const prepareDeployment: FunctionDefinition<typeof DeploymentInput, Preparation> = {
  name: "PrepareDeployment",
  input: DeploymentInput,
  async run(input, place) {
    const open = await readWanted(input, place);
    const { release, deployment } = open;
    if (deployment.intent === "recover") return prepareRecovery(open, place);
    const { service, environment } = environmentOf(release, deployment.environment);
    const target = await connectAppRunner(connectionTo(place, release, deployment.environment)).describe(
      targetOf(release, deployment.environment),
    );
    if (target.refusal !== undefined) throw new SpillwayError("DeploymentRefused", target.refusal);
    if (target.busy)
      throw new SpillwayError(
        "TargetBusy",
        `The target of ${deployment.environment} is busy with another operation; waiting for it.`,
      );
    const migrates =
      brings(deployment.intent) &&
      release.migrationImage !== undefined &&
      databaseOf(environment) !== undefined;
    if (migrates && !isForced(deployment, release))
      refuseOneWayDoor(release, deployment.previous, deployment.environment);
    await noteBefore(open, place, target);
    const verification = brings(deployment.intent) ? planTracks(service, environment.verification) : [];
    const isDoubtful = deployment.intent === "rollback" && (await isUnknown(open));
    const bakes = brings(deployment.intent) ? environment.bake : undefined;
    return {
      ...{ recover: false, checkDatabase: migrates || isDoubtful, verification },
      bakeIntervalSeconds: bakes?.intervalSeconds ?? 0,
    };
  },
};

/** Notes, before anything is changed, whether what is live is well, and in what it is otherwise than on record. */
async function noteBefore(
  open: OpenDeployment,
  place: Place,
  { url, found }: Pick<Awaited<ReturnType<Target["describe"]>>, "url" | "found">,
): Promise<void> {
  const { records, release, deployment } = open;
  const { previous } = deployment;
  if (previous === undefined) return;
  const { environment } = deployment;
  if (url !== undefined) {
    const { health } = environmentOf(release, environment).environment;
    await updateDeployment(open, { healthBefore: await lookAtService(place, health, url, previous.commit) });
  }
  const before = await records.release(previous.release);
  const drift = before && findDrift(onRecord(previous, before, environment), found);
  if (drift?.found === "drifted") await updateDeployment(open, { foundOtherwise: [...drift.differences] });
}

/**
 * Finds the deployments of the environment that were broken off: they are closed with this one. If one of them may
 * have migrated, the database is asked where its schema stands.
 */
async function prepareRecovery(open: OpenDeployment, { connection }: Place): Promise<Preparation> {
  const executions = connectExecutions(connection);
  const broken: { readonly one: Deployment; readonly endedAs: string | undefined }[] = [];
  for (const one of await open.records.openDeployments()) {
    const end = isBesides(one, open.deployment) ? await executions.describe(one.executionArn) : undefined;
    if (end?.endedAt !== undefined) broken.push({ one, endedAs: end.status });
    // Who had the lease that this has now was broken off, and was redriven since.
    else if (end !== undefined && one.fence !== undefined) broken.push({ one, endedAs: undefined });
  }
  const migrated = broken
    .map(({ one }) => one)
    .findLast(({ migration }) => migration !== undefined && migration.skipped !== true);
  const { begunAt, by = migrated?.release } = migrated?.migration ?? {};
  await updateDeployment(open, {
    recovers: broken.map(({ one: { release, environment, attempt }, endedAs }) => {
      return { release, environment, attempt, endedAs };
    }),
    ...(await foundBefore(open)),
    ...(begunAt === undefined || open.deployment.migration !== undefined
      ? {}
      : { migration: { begunAt, by, confirmed: false } }),
  });
  return {
    recover: true,
    checkDatabase: begunAt !== undefined || cannotServe(open) || (await isUnknown(open)),
    verification: [],
    bakeIntervalSeconds: 0,
  };
}

/** A recovery asks nothing of the target yet: what was seen last of a change by hand is what it is begun for. */
async function foundBefore({ records, deployment }: OpenDeployment): Promise<Partial<Deployment>> {
  const { drift } = await records.environment(deployment.service, deployment.environment);
  return drift === undefined ? {} : { foundOtherwise: drift.differences };
}

/** Whether what is live could not run on the schema on record: a person may have taken the migration back since. */
function cannotServe({ deployment: { previous } }: OpenDeployment): boolean {
  return previous !== undefined && canStay(previous.builtAgainst, previous) === false;
}

/** Whether nobody knew where the schema stood when what is live was recorded, or what can read it, though there is one to be asked about. */
async function isUnknown(open: OpenDeployment): Promise<boolean> {
  const { environment, previous } = open.deployment;
  if (isKnown(previous)) return false;
  const source = await schemaSource(open);
  const database = databaseOf(environmentOf(source, environment).environment);
  return source.migrationImage !== undefined && database !== undefined;
}

function isBesides(other: Deployment, own: Deployment): boolean {
  const sameEnvironment = other.service === own.service && other.environment === own.environment;
  return sameEnvironment && other.executionArn !== own.executionArn;
}

function refuseOneWayDoor(release: Release, previous: Revision | undefined, environment: string): void {
  if (previous === undefined) return;
  const after = schemaAfter({ history: release.schemaHistory, readableFrom: release.readableFrom });
  if (canRunOn(previous.builtAgainst, after) !== false) return;
  throw new SpillwayError(
    "DeploymentRefused",
    `${environment} could not be rolled back: its live code (${previous.release}, built against schema ${previous.builtAgainst}) cannot run on schema ${after.revision}. Ship code that reads both first (expand), then this change (contract). To go through all the same, start it by hand with "force":true and a "reason"; if the new code is ill then, Spillway cannot go back.`,
  );
}

export const handler = createHandler(prepareDeployment);
