import { connectRecords } from "../aws/dynamodb.ts";
import { serviceOf } from "../core/names.ts";
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
    const service = serviceOf(release);
    const [{ lease }, deployment] = await Promise.all([
      records.environment(service, environment),
      records.deployment(input.deployment),
    ]);
    if (lease?.owner !== input.execution) return { released: false };
    const { outcome = "an end that is not on record" } = deployment ?? {};
    const after = await records.releaseLease(service, environment, {
      owner: lease.owner,
      release,
      fence: lease.fence,
      at: place.connection.now(),
      reason: `its deployment ended as ${outcome}`,
    });
    await giveTurn(place, after ?? (await records.environment(service, environment)));
    return { released: after !== undefined };
  },
};

export const handler = createHandler(releaseLease);
