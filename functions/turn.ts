import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { turnKey } from "../core/names.ts";
import { isForced } from "../core/quarantine.ts";
import type { Deployment, EnvironmentRecord, Release } from "../core/records.ts";
import { decideStillWanted, refuseGuarded } from "../core/still-wanted.ts";
import { decideTurn, type InLine, type Obstacle, obstacleOf } from "../core/turn.ts";
import type { WaitResult } from "../core/wait.ts";
import type { OpenDeployment } from "./deployment.ts";
import type { Place } from "./middleware.ts";
import { deploymentOf } from "./stage-scope.ts";
import { type Look, settle, type Work } from "./waiting.ts";

/** Waiting for the turn of a deployment, as work that a state can wait for: nobody is asked to do anything. */
export function turnWork({ deployment }: OpenDeployment, token: string): Work {
  const { release, environment, attempt, service } = deployment;
  const begun = { arn: `turn/${service}/${environment}` };
  return {
    key: turnKey(deployment),
    kind: "turn",
    release,
    token,
    subject: { environment, attempt: String(attempt) },
    begin: async () => begun,
    find: async () => begun,
  };
}

/** What a deployment that waits for its turn is, and where. */
interface Waiting {
  readonly records: Records;
  readonly deployment: Deployment;
  readonly release: Release;
  readonly own: InLine;
}

/**
 * Whether it is a deployment's turn; takes its place in line, and says there for what it waits. It is asked when the
 * deployment comes, when a lease is given back, and each minute.
 */
export function lookAtTurn(place: Place): Look {
  return async (wait) => {
    const records = connectRecords(place.connection, place.environment.table);
    const name = deploymentOf(wait);
    const deployment = name && (await records.deployment(name));
    if (deployment === undefined || deployment.endedAt !== undefined)
      return { end: "failed", error: "LeaseLost", cause: `the deployment ${wait.key} is closed` };
    const release = await records.requireRelease(deployment.release);
    return lookOnce(place, {
      records,
      deployment,
      release,
      own: inLine(deployment, release, place.connection.now()),
    });
  };
}

function inLine(
  { executionArn: execution, release, attempt, openedAt }: Deployment,
  { sequence }: Release,
  since: number,
): InLine {
  return { execution, release, attempt, sequence, openedAt, since };
}

/** A place in line that another takes at the same moment is looked at again. */
const mostTries = 5;

async function lookOnce(place: Place, waiting: Waiting, tries = 0): Promise<WaitResult | undefined> {
  const { records, deployment, release, own } = waiting;
  const { service, environment: name } = deployment;
  const environment = await withoutEnded(records, await records.environment(service, name));
  const wanted = decideStillWanted(deployment, release, environment.live);
  if (!wanted.wanted) return { end: "failed", error: wanted.error, cause: `${wanted.reason}.` };
  const quarantine = await records.quarantine(service, requireImage(release).digest);
  const guarded = refuseGuarded(deployment, release, environment, quarantine);
  if (guarded !== undefined) return { end: "failed", error: "DeploymentRefused", cause: `${guarded}.` };
  const decided = decideTurn(environment, own, obstacle(environment, waiting));
  switch (decided.decision) {
    case "go":
      return { end: "succeeded", output: {} };
    case "superseded":
      return { end: "failed", error: "Superseded", cause: `${decided.reason}.` };
    case "refuse":
      return { end: "failed", error: "DeploymentRefused", cause: `${decided.reason}.` };
    case "wait":
      if (environment.next?.why !== decided.why)
        await records.sayWhyNextWaits(service, name, own.execution, decided.why);
      return undefined;
    case "enter":
      if (await records.enterLine(environment, own)) {
        if (decided.displaced !== undefined) await wake(place, records, decided.displaced, name);
      } else if (tries >= mostTries)
        throw new SpillwayError(
          "Throttled",
          `Others come in line for ${name} at the same moment; looking again.`,
        );
      return lookOnce(place, waiting, tries + 1);
  }
}

/** What keeps the next in line from its turn. Everything that may is asked here, and nowhere else. */
function obstacle(environment: EnvironmentRecord, { deployment, release }: Waiting): Obstacle | undefined {
  const { frozen } = environment;
  const looked = frozen !== undefined && isForced(deployment, release, frozen.since);
  return obstacleOf(looked ? { ...environment, frozen: undefined } : environment);
}

/** Who is ahead of the line and has ended keeps nobody waiting. */
async function withoutEnded(records: Records, environment: EnvironmentRecord): Promise<EnvironmentRecord> {
  const { ahead, service, environment: name } = environment;
  if (ahead === undefined) return environment;
  const deployment = await records.deployment({ ...ahead, environment: name });
  if (deployment !== undefined && deployment.endedAt === undefined) return environment;
  await records.leaveLine(service, name, ahead.execution);
  return { ...environment, ahead: undefined };
}

/**
 * Gives the turn to the next in line of an environment, if there is one and nothing keeps it. To be called whenever a
 * lease ends; `Reconcile` looks each minute, in case it was not.
 */
export async function giveTurn(place: Place, service: string, environment: string): Promise<void> {
  const records = connectRecords(place.connection, place.environment.table);
  const { next } = await records.environment(service, environment);
  if (next !== undefined) await wake(place, records, next, environment);
}

async function wake(
  place: Place,
  records: Records,
  { release, attempt }: InLine,
  environment: string,
): Promise<void> {
  const wait = await records.wait(turnKey({ release, environment, attempt }));
  if (wait !== undefined && wait.result === undefined) await settle(place, wait, lookAtTurn(place));
}

/** A deployment that ends before it had its turn leaves the line. */
export async function leaveLine(place: Place, deployment: Deployment): Promise<void> {
  const records = connectRecords(place.connection, place.environment.table);
  const { service, environment, executionArn } = deployment;
  await records.leaveLine(service, environment, executionArn);
  await records.closeWait(turnKey(deployment), {
    end: "failed",
    error: "LeaseLost",
    cause: "the deployment ended",
  });
}
