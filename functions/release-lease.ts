import { connectRecords } from "../aws/dynamodb.ts";
import { DeploymentInput } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { giveTurn } from "./turn.ts";

/** Gives the environment's lease back, if this execution has it, and the turn to the next in line. */
export const releaseLease: FunctionDefinition<typeof DeploymentInput, { released: boolean }> = {
  name: "ReleaseLease",
  input: DeploymentInput,
  async run(input, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const { release, environment } = input.deployment;
    const { service } = await records.requireRelease(release);
    const { lease } = await records.environment(service, environment);
    if (lease?.owner !== input.execution) return { released: false };
    const { outcome = "an end that is not on record" } = (await records.deployment(input.deployment)) ?? {};
    const released = await records.releaseLease(service, environment, {
      owner: lease.owner,
      release,
      fence: lease.fence,
      at: place.connection.now(),
      reason: `its deployment ended as ${outcome}`,
    });
    await giveTurn(place, service, environment);
    return { released };
  },
};

export const handler = createHandler(releaseLease);
