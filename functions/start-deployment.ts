import * as z from "zod/mini";
import { DeploymentInput, readDeployment, updateDeployment } from "./deployment.ts";
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
    const open = await readDeployment(input, place);
    if (open.deployment.switched === undefined)
      await updateDeployment(open, { switched: { begunAt: place.connection.now() } });
    const key = `${input.release}/${input.environment}/deploy`;
    await awaitWork(
      place,
      targetWork(place, open.release, input.environment, key, input.release, input.token),
      lookAtOperation(place),
    );
  },
};

export const handler = createHandler(startDeployment);
