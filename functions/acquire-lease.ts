import type { Connection } from "../aws/connection.ts";
import type { Records } from "../aws/dynamodb.ts";
import { connectExecutions } from "../aws/states.ts";
import { SpillwayError } from "../core/errors.ts";
import { brings } from "../core/intent.ts";
import { decideLease } from "../core/lease.ts";
import { migrationKey } from "../core/names.ts";
import type { Deployment, EnvironmentRecord, Lease } from "../core/records.ts";
import { DeploymentInput, readDeployment, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

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
    const now = connection.now();
    const decided = decideLease(before, wish, { quietSince }, now);
    if (decided.decision === "refuse") throw new SpillwayError(decided.error, `${decided.reason}.`);
    if (decided.decision === "wait") {
      // The next in line has its place; who stands in no line comes before it.
      if (!brings(intent) && before.ahead?.execution !== input.execution)
        await records.goAhead(service, environment, {
          ...{ execution: input.execution, release, attempt, reason: wish.reason, since: now },
        });
      throw new SpillwayError("LeaseHeld", describeHolder(environment, decided.holder));
    }
    const { fence } = decided.lease;
    const freed = decided.decision === "take" ? describeTakeover(decided.previous, now) : undefined;
    if (
      decided.decision === "take" &&
      !(await records.takeLease(before, decided.lease, { current: { release, attempt }, freed }))
    )
      throw new SpillwayError(
        "LeaseHeld",
        `Another execution took the lease of ${environment} at the same moment.`,
      );
    await updateDeployment(open, { fence, previous: before.live, ...(freed && { tookOver: freed }) });
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

/** Why the lease of an execution that ended is taken over. */
function describeTakeover(previous: Lease | undefined, at: number): EnvironmentRecord["freed"] {
  if (previous === undefined) return undefined;
  const { owner, release, fence } = previous;
  return { owner, release, fence, at, reason: "its execution ended without giving it back" };
}

function describeHolder(environment: string, { release, owner, since }: Lease): string {
  return `${environment} is being changed by ${release} since ${new Date(since).toISOString()} (${owner}); waiting for it.`;
}

export const handler = createHandler(acquireLease);
