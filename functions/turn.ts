import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { cancellationOf, describeCancellation } from "../core/cancel.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { brings } from "../core/intent.ts";
import { serviceOf, turnKey } from "../core/names.ts";
import { isForced } from "../core/quarantine.ts";
import type { Deployment, DeploymentName, EnvironmentRecord, Quarantine, Release } from "../core/records.ts";
import { decideStillWanted, refuseGuarded } from "../core/still-wanted.ts";
import { decideTurn, describeClosed, type InLine, type Obstacle, obstacleOf } from "../core/turn.ts";
import type { WaitResult } from "../core/wait.ts";
import type { OpenDeployment } from "./deployment.ts";
import type { Place } from "./middleware.ts";
import { deploymentOf } from "./stage-scope.ts";
import { type Look, settle, type Work } from "./waiting.ts";

/** Waiting for the turn of a deployment, as work that a state can wait for: nobody is asked to do anything. */
export function turnWork({ deployment, release: { image } }: OpenDeployment, token: string): Work {
  const { release, environment, attempt, service } = deployment;
  const arn = `turn/${service}/${environment}`;
  return {
    key: turnKey(deployment),
    kind: "turn",
    release,
    token,
    subject: { environment, attempt: String(attempt), ...(image && { digest: image.digest }) },
    arn,
    begin: async () => ({ arn }),
    find: async () => ({ arn }),
  };
}

/**
 * Whether it is a deployment's turn; takes its place in line, and says there for what it waits. It is asked when the
 * deployment comes, when a lease is given back, and each minute.
 */
export function lookAtTurn(place: Place): Look {
  return async (wait) => {
    const records = connectRecords(place.connection, place.environment.table);
    const name = deploymentOf(wait);
    // Read each time: whoever was closed meanwhile must not stay in line.
    for (let tries = 0; name !== undefined && tries < mostTries; tries++) {
      const looked = await lookOnce(place, records, name, wait.subject.digest);
      if (looked !== "again") return looked;
    }
    throw new SpillwayError(
      "Throttled",
      `${wait.key}: others come in line at the same moment; looking again.`,
    );
  };
}

/** A place in line that another takes at the same moment is looked at again. */
const mostTries = 5;

function inLine(
  { executionArn: execution, release, attempt, openedAt }: Deployment,
  { sequence }: Release,
  since: number,
): InLine {
  return { execution, release, attempt, sequence, openedAt, since };
}

/**
 * @param noted the digest that its wait names; a version that came before noted none.
 * @returns how it ended; undefined while it waits; "again" if another took its place at the same moment.
 */
async function lookOnce(
  place: Place,
  records: Records,
  name: DeploymentName,
  noted: string | undefined,
): Promise<WaitResult | "again" | undefined> {
  const service = serviceOf(name.release);
  const [deployment, release, found, known] = await Promise.all([
    records.deployment(name),
    records.requireRelease(name.release),
    records.environment(service, name.environment),
    noted === undefined ? undefined : records.quarantine(service, noted),
  ]);
  if (deployment === undefined || deployment.endedAt !== undefined)
    return { end: "failed", error: "LeaseLost", cause: "the deployment is closed" };
  const { digest } = requireImage(release);
  const [environment, quarantine] = await Promise.all([
    withoutEnded(records, found, deployment),
    noted === digest ? known : records.quarantine(service, digest),
  ]);
  return judge(place, records, { deployment, release, environment, quarantine });
}

/** What a turn is judged by. */
interface Circumstances {
  readonly deployment: Deployment;
  readonly release: Release;
  readonly environment: EnvironmentRecord;
  readonly quarantine: Quarantine | undefined;
}

/** Judged once more by the environment as it is with the deployment in line. @returns as `lookOnce` does. */
async function judge(
  place: Place,
  records: Records,
  circumstances: Circumstances,
): Promise<WaitResult | "again" | undefined> {
  const { deployment, release, environment } = circumstances;
  const unwanted = findUnwanted(circumstances);
  if (unwanted !== undefined) return unwanted;
  const { service, environment: name } = environment;
  const now = place.connection.now();
  const own = inLine(deployment, release, now);
  const decided = decideTurn(environment, own, obstacle(environment, deployment, release, now));
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
    case "enter": {
      const entered = await records.enterLine(environment, own);
      if (entered === undefined) return "again";
      if (decided.displaced !== undefined) await wake(place, records, decided.displaced, name);
      return judge(place, records, { ...circumstances, environment: entered });
    }
  }
}

/** Why a deployment should not have a turn at all, whoever is in line. */
function findUnwanted({
  deployment,
  release,
  environment,
  quarantine,
}: Circumstances): WaitResult | undefined {
  const cancellation = cancellationOf(release, deployment);
  if (cancellation !== undefined)
    return { end: "failed", error: "Cancelled", cause: describeCancellation(cancellation) };
  const wanted = decideStillWanted(deployment, release, environment.live);
  if (!wanted.wanted) return { end: "failed", error: wanted.error, cause: `${wanted.reason}.` };
  const guarded = refuseGuarded(deployment, release, environment, quarantine);
  if (guarded === undefined) return undefined;
  return { end: "failed", error: "DeploymentRefused", cause: `${guarded}.` };
}

/** What keeps the next in line from its turn. What may come after it was given is asked again with the lease. */
function obstacle(
  environment: EnvironmentRecord,
  deployment: Deployment,
  release: Release,
  now: number,
): Obstacle | undefined {
  const { frozen } = environment;
  const looked = frozen !== undefined && isForced(deployment, release, frozen.since);
  const found = obstacleOf(looked ? { ...environment, frozen: undefined } : environment);
  if (found !== undefined) return found;
  const closed = describeClosed(environment, deployment, release, now);
  return closed === undefined ? undefined : { kind: "wait", why: closed };
}

/**
 * An environment without those who stand in line, or ahead of it, and have ended: they keep nobody waiting. A function
 * of a stopped execution may have put it there after its deployment was closed.
 * @param open a deployment that is known to be open.
 */
export async function withoutEnded(
  records: Records,
  environment: EnvironmentRecord,
  open?: Deployment,
): Promise<EnvironmentRecord> {
  const { service, environment: name } = environment;
  const leave = async (place: "ahead" | "next") => {
    const one = environment[place];
    if (one === undefined || one.execution === open?.executionArn) return {};
    const deployment = await records.deployment({ ...one, environment: name });
    if (deployment !== undefined && deployment.endedAt === undefined) return {};
    await records.leaveLine(service, name, place, one.execution);
    return { [place]: undefined };
  };
  const [ahead, next] = await Promise.all([leave("ahead"), leave("next")]);
  return { ...environment, ...ahead, ...next };
}

/**
 * Gives the turn to the next in line of an environment, if there is one and nothing keeps it. To be called whenever a
 * lease ends; `Reconcile` looks each minute, in case it was not.
 */
export async function giveTurn(place: Place, { next, environment }: EnvironmentRecord): Promise<void> {
  const records = connectRecords(place.connection, place.environment.table);
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
  await records.leaveLine(...placeInLine(deployment));
  await records.endWait(turnKey(deployment), {
    end: "failed",
    error: "LeaseLost",
    cause: "the deployment ended",
  });
}

/** Where a deployment stands that waits for its turn: who brings nothing new stands ahead of the line. */
export function placeInLine({ service, environment, intent, executionArn }: Deployment) {
  return [service, environment, brings(intent) ? "next" : "ahead", executionArn] as const;
}
