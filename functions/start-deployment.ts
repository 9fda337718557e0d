import * as z from "zod/mini";
import { refuseCancelled } from "../core/cancel.ts";
import { deploymentKey } from "../core/names.ts";
import { DeploymentInput, readPlaced, requireLease, updateDeployment } from "./deployment.ts";
import { lookAtOperation } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { targetWork } from "./target-work.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/** Brings the release to the target; that it may have changed is on record before it is told. */
export const startDeployment: FunctionDefinition<typeof Input, void> = {
  name: "StartDeployment",
  input: Input,
  async run(input, place) {
    const open = await readPlaced(input, place);
    requireLease(open);
    if (open.deployment.switched === undefined) refuseCancelled(open.release, open.deployment);
    if (open.deployment.switched === undefined)
      await updateDeployment(open, { switched: { begunAt: place.connection.now() } });
    const { environment } = input.deployment;
    const key = `${deploymentKey(input.deployment)}/deploy`;
    await awaitWork(
      place,
      targetWork(place, open.release, environment, key, input.deployment, input.token),
      lookAtOperation(place),
    );
  },
};

export const handler = createHandler(startDeployment);
