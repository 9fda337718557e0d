import type { Connection } from "../aws/connection.ts";
import type { Records } from "../aws/dynamodb.ts";
import { connectExecutions } from "../aws/states.ts";
import { SpillwayError } from "../core/errors.ts";
import { decideLease } from "../core/lease.ts";
import { migrationKey } from "../core/names.ts";
import type { Deployment, EnvironmentRecord, Lease } from "../core/records.ts";
import { DeploymentInput, readDeployment, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/** A function of an ended execution may still be running this long: the longest timeout of our functions. */
const longestFunctionMilliseconds = 60_000;

/** Takes the environment's lock for this execution, and notes in the deployment's record what is live. */
export const acquireLease: FunctionDefinition<typeof DeploymentInput, { fence: number }> = {
  name: "AcquireLease",
  input: DeploymentInput,
  async run(input, place) {
    const { connection } = place;
    const open = await readDeployment(input, place);
    const { records, deployment } = open;
    const { environment, service, release, attempt, intent } = deployment;
    const before = await records.environment(service, environment);
    const quietSince = await quietSinceWhen(before, open.records, connection);
    const wish = { owner: input.execution, release, reason: describe(deployment), intent };
    const decided = decideLease(before, wish, { quietSince }, connection.now(), longestFunctionMilliseconds);
    if (decided.decision === "refuse")
      throw new SpillwayError("DeploymentRefused", `${environment}: ${decided.reason}`);
    if (decided.decision === "wait")
      throw new SpillwayError("LeaseHeld", describeHolder(environment, decided.holder));
    const { fence } = decided.lease;
    if (
      decided.decision === "take" &&
      !(await records.takeLease(before, decided.lease, { release, attempt }))
    )
      throw new SpillwayError(
        "LeaseHeld",
        `Another execution took the lease of ${environment} at the same moment.`,
      );
    await updateDeployment(open, { fence, previous: before.live });
    return { fence };
  },
};

/** When the holder ended, if nothing that it began goes on: a migration task outlives the execution that began it. */
async function quietSinceWhen(
  { lease, current, environment }: EnvironmentRecord,
  records: Records,
  connection: Connection,
): Promise<number | undefined> {
  if (lease === undefined) return undefined;
  const ended = await connectExecutions(connection).endedAt(lease.owner);
  if (ended === undefined || current === undefined) return ended;
  for (const purpose of ["up", "down"] as const) {
    const wait = await records.wait(migrationKey({ ...current, environment }, purpose));
    if (wait?.awaitedArn !== undefined && wait.result === undefined) return undefined;
  }
  return ended;
}

function describe({ intent, release, why }: Deployment): string {
  return `${intent} ${release}${why === undefined ? "" : `: ${why}`}`;
}

function describeHolder(environment: string, { release, owner, since }: Lease): string {
  return `${environment} is being changed by ${release} since ${new Date(since).toISOString()} (${owner}); waiting for it.`;
}

export const handler = createHandler(acquireLease);
