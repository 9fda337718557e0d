import { isApproved } from "../core/approval.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { brings } from "../core/intent.ts";
import { environmentOf } from "../core/settings.ts";
import { decideStillWanted, refuseGuarded } from "../core/still-wanted.ts";
import { DeploymentInput, readWantedPlaced } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/**
 * Looks, once it is this deployment's turn, whether it should still be live.
 * @throws SpillwayError NotApproved if people must approve it and have not; Superseded if something newer took its place; DeploymentRefused with the reason.
 */
export const confirmStillWanted: FunctionDefinition<typeof DeploymentInput, { wanted: true }> = {
  name: "ConfirmStillWanted",
  input: DeploymentInput,
  async run(input, place) {
    const { records, release, deployment, environment } = await readWantedPlaced(input, place);
    const { digest } = requireImage(release);
    const demands = environmentOf(release, deployment.environment).environment.approval;
    if (brings(deployment.intent) && !isApproved(deployment.approval, demands, digest))
      throw new SpillwayError(
        "NotApproved",
        `${deployment.environment} demands an approval of ${digest}, and there is none on record.`,
      );
    const decided = decideStillWanted(deployment, release, deployment.previous);
    if (!decided.wanted) throw new SpillwayError(decided.error, `${decided.reason}.`);
    const quarantine = await records.quarantine(deployment.service, digest);
    const refusal = refuseGuarded(deployment, release, environment, quarantine);
    if (refusal !== undefined) throw new SpillwayError("DeploymentRefused", `${refusal}.`);
    return { wanted: true };
  },
};

export const handler = createHandler(confirmStillWanted);
