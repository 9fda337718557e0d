import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectExecutions } from "../aws/states.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { decideLease } from "../core/lease.ts";
import type { EnvironmentRecord, Lease, Release } from "../core/records.ts";
import { environmentOf } from "../core/settings.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ release: z.string(), environment: z.string(), execution: z.string() });

/** A function of an ended execution may still be running this long: the longest timeout of our functions. */
const longestFunctionMilliseconds = 60_000;

/** Takes the environment's lock for this execution and opens the deployment's record. */
export const acquireLease: FunctionDefinition<typeof Input, { fence: number }> = {
  name: "AcquireLease",
  input: Input,
  async run({ release: id, environment, execution }, place) {
    const { connection } = place;
    const records = connectRecords(connection, place.environment.table);
    const release = await records.requireRelease(id);
    environmentOf(release, environment);
    await refuseSecondDeployment(await records.deployment(id, environment), execution);
    const before = await records.environment(release.service, environment);
    const quietSince =
      before.lease === undefined
        ? undefined
        : await connectExecutions(connection).endedAt(before.lease.owner);
    const wish = {
      owner: execution,
      release: id,
      reason: `deploys ${release.tag ?? requireImage(release).digest}`,
    };
    const decided = decideLease(before, wish, { quietSince }, connection.now(), longestFunctionMilliseconds);
    if (decided.decision === "refuse")
      throw new SpillwayError("DeploymentRefused", `${environment}: ${decided.reason}`);
    if (decided.decision === "wait")
      throw new SpillwayError("LeaseHeld", describeHolder(environment, decided.holder));
    if (decided.decision === "take" && !(await records.takeLease(before, decided.lease)))
      throw new SpillwayError(
        "LeaseHeld",
        `Another execution took the lease of ${environment} at the same moment.`,
      );
    await records.openDeployment(openingOf(release, before, decided.lease, execution, connection.now()));
    return { fence: decided.lease.fence };
  },
};

async function refuseSecondDeployment(
  existing: { executionArn: string; outcome?: string | undefined } | undefined,
  execution: string,
) {
  if (existing === undefined || existing.executionArn === execution) return;
  throw new SpillwayError(
    "DeploymentRefused",
    `This release was deployed here before (${existing.outcome ?? "open"}, ${existing.executionArn}); start a new release of the same image instead.`,
  );
}

function describeHolder(environment: string, { release, owner, since }: Lease): string {
  return `${environment} is being changed by ${release} since ${new Date(since).toISOString()} (${owner}); waiting for it.`;
}

function openingOf(
  release: Release,
  { environment, live }: EnvironmentRecord,
  { fence }: Lease,
  executionArn: string,
  openedAt: number,
) {
  return {
    release: release.id,
    environment,
    service: release.service,
    executionArn,
    fence,
    openedAt,
    previous: live,
    verification: {},
  };
}

export const handler = createHandler(acquireLease);
