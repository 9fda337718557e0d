import { connectRecords } from "../aws/dynamodb.ts";
import { DeploymentInput } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/** Gives the environment's lease back, if this execution has it. */
export const releaseLease: FunctionDefinition<typeof DeploymentInput, { released: boolean }> = {
  name: "ReleaseLease",
  input: DeploymentInput,
  async run(input, { connection, environment: { table } }) {
    const records = connectRecords(connection, table);
    const { service } = await records.requireRelease(input.release);
    const { lease } = await records.environment(service, input.environment);
    if (lease?.owner !== input.execution) return { released: false };
    return { released: await records.releaseLease(service, input.environment, lease.fence) };
  },
};

export const handler = createHandler(releaseLease);
