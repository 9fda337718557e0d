import * as z from "zod/mini";
import { refuseCancelled } from "../core/cancel.ts";
import { migrationKey } from "../core/names.ts";
import { DeploymentInput, type OpenDeployment, readDeployment, requireLease } from "./deployment.ts";
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
    if (!(await isUnderWay(open))) refuseCancelled(open.release, open.deployment);
    const { migration } = open.deployment;
    if (
      migration === undefined &&
      !(await open.records.beginMigration(open.deployment, place.connection.now()))
    )
      await readDeployment(input, place);
    await awaitWork(
      place,
      migrationWork(place, open.release, open.deployment, "up", input.token),
      lookAtTask(place),
    );
  },
};

/** A migration that may have been begun is adopted, also when it is to be stopped: its end must be known. */
async function isUnderWay({ records, deployment }: OpenDeployment): Promise<boolean> {
  const wait = await records.wait(migrationKey(deployment, "up"));
  return wait !== undefined && wait.result === undefined;
}

export const handler = createHandler(migrateDatabase);
