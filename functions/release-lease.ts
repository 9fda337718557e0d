import { connectRecords } from "../aws/dynamodb.ts";
import { DeploymentInput } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/** Gives the environment's lease back, if this execution has it. */
export const releaseLease: FunctionDefinition<typeof DeploymentInput, { released: boolean }> = {
  name: "ReleaseLease",
  input: DeploymentInput,
  async run(input, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const { release, environment } = input.deployment;
    const { service } = await records.requireRelease(release);
    const { lease } = await records.environment(service, environment);
    if (lease?.owner !== input.execution) return { released: false };
    return { released: await records.releaseLease(service, environment, lease.fence) };
  },
};

export const handler = createHandler(releaseLease);
