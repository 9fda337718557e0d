import * as z from "zod/mini";
import { Freeze } from "../core/freeze.ts";
import { DeploymentInput, readWanted, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { lookAtTurn, turnWork } from "./turn.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string(), freezes: z.array(Freeze) });

/**
 * Has a deployment wait for its turn in its environment. It ends as Superseded if a newer one has the place in line,
 * or takes it; as DeploymentRefused if nothing may be deployed until a person looks.
 */
export const awaitTurn: FunctionDefinition<typeof Input, void> = {
  name: "AwaitTurn",
  input: Input,
  async run(input, place) {
    const open = await readWanted(input, place);
    // Kept, because others look at its turn, too; before it stands in line, because then they may.
    if (input.freezes.length > 0) await updateDeployment(open, { freezes: input.freezes });
    await awaitWork(place, turnWork(open, input.token), lookAtTurn(place));
  },
};

export const handler = createHandler(awaitTurn);
