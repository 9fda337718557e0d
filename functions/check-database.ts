import * as z from "zod/mini";
import { DeploymentInput, readWanted } from "./deployment.ts";
import { lookAtTask } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { migrationWork } from "./migration-work.ts";
import { schemaSource } from "./schema-source.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/**
 * Has the migration image ask the database where its schema stands, before anything is moved: a database that
 * cannot be reached ends the deployment as DatabaseUnreachable with nothing touched.
 */
export const checkDatabase: FunctionDefinition<typeof Input, void> = {
  name: "CheckDatabase",
  input: Input,
  async run(input, place) {
    const open = await readWanted(input, place);
    const release = await schemaSource(open);
    await awaitWork(
      place,
      migrationWork(place, release, open.deployment, "check", input.token),
      lookAtTask(place),
    );
  },
};

export const handler = createHandler(checkDatabase);
