import * as z from "zod/mini";
import { DeploymentInput, readDeployment, requireLease, updateDeployment } from "./deployment.ts";
import { lookAtTask } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { migrationWork } from "./migration-work.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/** Runs the migration as a task of its own; that it was begun is on record before it is. */
export const migrateDatabase: FunctionDefinition<typeof Input, void> = {
  name: "MigrateDatabase",
  input: Input,
  async run(input, place) {
    const open = await readDeployment(input, place);
    await requireLease(open);
    if (open.deployment.migration === undefined)
      await updateDeployment(open, { migration: { begunAt: place.connection.now(), confirmed: false } });
    await awaitWork(
      place,
      migrationWork(place, open.release, open.deployment, "up", input.token),
      lookAtTask(place),
    );
  },
};

export const handler = createHandler(migrateDatabase);
