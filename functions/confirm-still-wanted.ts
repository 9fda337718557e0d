import { SpillwayError } from "../core/errors.ts";
import { decideStillWanted } from "../core/still-wanted.ts";
import { DeploymentInput, readDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/**
 * Looks, once it is this deployment's turn, whether it should still be live.
 * @throws SpillwayError Superseded if something newer took its place; DeploymentRefused with the reason.
 */
export const confirmStillWanted: FunctionDefinition<typeof DeploymentInput, { wanted: true }> = {
  name: "ConfirmStillWanted",
  input: DeploymentInput,
  async run(input, place) {
    const { release, deployment } = await readDeployment(input, place);
    const decided = decideStillWanted(deployment, release, deployment.previous);
    if (decided.wanted) return { wanted: true };
    throw new SpillwayError(decided.error, `${decided.reason}.`);
  },
};

export const handler = createHandler(confirmStillWanted);
