import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { SpillwayError } from "../core/errors.ts";
import type { Deployment, Release } from "../core/records.ts";
import type { Place } from "./middleware.ts";

/** What every function of the deploy machine is told: which deployment, and who asks. */
export const DeploymentInput = z.object({
  release: z.string(),
  environment: z.string(),
  execution: z.string(),
});

/** The records a function of the deploy machine works with. */
export interface OpenDeployment {
  readonly records: Records;
  readonly release: Release;
  readonly deployment: Deployment;
}

/**
 * Reads the deployment that this execution opened.
 * @throws SpillwayError LeaseLost if it is not this execution's.
 */
export async function readDeployment(
  input: z.infer<typeof DeploymentInput>,
  place: Place,
): Promise<OpenDeployment> {
  const records = connectRecords(place.connection, place.environment.table);
  const release = await records.requireRelease(input.release);
  const deployment = await records.deployment(input.release, input.environment);
  if (deployment === undefined || deployment.executionArn !== input.execution)
    throw new SpillwayError(
      "LeaseLost",
      `The deployment of ${input.release} to ${input.environment} is not this execution's; it changes nothing.`,
    );
  return { records, release, deployment };
}

/** Changes the record. @throws LeaseLost if it was closed or passed on. */
export async function updateDeployment(
  { records, deployment }: OpenDeployment,
  members: Partial<Deployment>,
): Promise<void> {
  if (await records.updateDeployment(deployment, members)) return;
  throw new SpillwayError(
    "LeaseLost",
    `The deployment of ${deployment.release} to ${deployment.environment} is closed or has another owner.`,
  );
}
