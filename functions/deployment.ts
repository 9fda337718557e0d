import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { refuseCancelled } from "../core/cancel.ts";
import { SpillwayError } from "../core/errors.ts";
import { serviceOf } from "../core/names.ts";
import { type Deployment, DeploymentName, type EnvironmentRecord, type Release } from "../core/records.ts";
import type { Place } from "./middleware.ts";

/** What every function of the deploy machine is told: which deployment, and who asks. */
export const DeploymentInput = z.object({ deployment: DeploymentName, execution: z.string() });

/** The records a function of the deploy machine works with. */
export interface OpenDeployment {
  readonly records: Records;
  readonly release: Release;
  readonly deployment: Deployment;
}

/** The same, with the environment as it was when they were read. */
export interface PlacedDeployment extends OpenDeployment {
  readonly environment: EnvironmentRecord;
}

export function connectPlace({ connection, environment }: Place): Records {
  return connectRecords(connection, environment.table);
}

/**
 * Reads the deployment that this execution opened.
 * @param records with which something else is read in the same request.
 * @throws SpillwayError LeaseLost if it is not this execution's, or was closed: an execution that is redriven after
 *   its environment was recovered changes nothing.
 */
export async function readDeployment(
  { deployment: name, execution }: z.infer<typeof DeploymentInput>,
  place: Place,
  records = connectPlace(place),
): Promise<OpenDeployment> {
  const [release, deployment] = await Promise.all([
    records.requireRelease(name.release),
    records.deployment(name),
  ]);
  if (deployment === undefined || deployment.executionArn !== execution)
    throw new SpillwayError(
      "LeaseLost",
      `The deployment of ${name.release} to ${name.environment} is not this execution's; it changes nothing.`,
    );
  if (deployment.endedAt !== undefined) throw closed(deployment);
  return { records, release, deployment };
}

/** As `readDeployment`, with its environment. */
export async function readPlaced(
  input: z.infer<typeof DeploymentInput>,
  place: Place,
  records = connectPlace(place),
): Promise<PlacedDeployment> {
  const { release, environment } = input.deployment;
  const [open, found] = await Promise.all([
    readDeployment(input, place, records),
    records.environment(serviceOf(release), environment),
  ]);
  return { ...open, environment: found };
}

/**
 * As `readDeployment`, for the functions on the way forward.
 * @throws SpillwayError Cancelled if the deployment is not wanted any more.
 */
export async function readWanted(
  input: z.infer<typeof DeploymentInput>,
  place: Place,
): Promise<OpenDeployment> {
  return wanted(await readDeployment(input, place));
}

/** As `readWanted`, with its environment. @throws SpillwayError as that does. */
export async function readWantedPlaced(
  input: z.infer<typeof DeploymentInput>,
  place: Place,
): Promise<PlacedDeployment> {
  return wanted(await readPlaced(input, place));
}

function wanted<Open extends OpenDeployment>(open: Open): Open {
  refuseCancelled(open.release, open.deployment);
  return open;
}

/**
 * To be asked before the database or the target is told anything, of an environment that was read since the function
 * began: the lease is not taken over while a function of its owner may be at work.
 * @throws SpillwayError LeaseLost if another execution has the environment's lease.
 */
export function requireLease({ deployment, environment: { lease } }: PlacedDeployment): void {
  const { environment, executionArn } = deployment;
  if (lease?.owner === executionArn) return;
  throw new SpillwayError(
    "LeaseLost",
    `The lease of ${environment} has passed on (${lease?.reason ?? "nobody has it"}); this execution changes nothing more.`,
  );
}

function closed({ release, environment }: Deployment): SpillwayError {
  return new SpillwayError(
    "LeaseLost",
    `The deployment of ${release} to ${environment} is closed; somebody recovered the environment meanwhile.`,
  );
}

/** Changes the record. @throws LeaseLost if it was closed or passed on. */
export async function updateDeployment(
  { records, deployment }: OpenDeployment,
  members: Partial<Deployment>,
): Promise<void> {
  if (await records.updateDeployment(deployment, members)) return;
  throw closed(deployment);
}
