import * as z from "zod/mini";
import { DeploymentInput, readDeployment } from "./deployment.ts";
import { lookAtTask } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { migrationWork } from "./migration-work.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/** Asks the migration image where the schema stands, when the migration failed or did not say. */
export const inspectSchema: FunctionDefinition<typeof Input, void> = {
  name: "InspectSchema",
  input: Input,
  async run(input, place) {
    const { release, deployment } = await readDeployment(input, place);
    await awaitWork(
      place,
      migrationWork(place, release, deployment, "status", input.token),
      lookAtTask(place),
    );
  },
};

export const handler = createHandler(inspectSchema);
