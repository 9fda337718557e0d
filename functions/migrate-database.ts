import * as z from "zod/mini";
import { refuseCancelled } from "../core/cancel.ts";
import { migrationKey } from "../core/names.ts";
import type { Wait } from "../core/wait.ts";
import { connectPlace, DeploymentInput, readDeployment, readPlaced, requireLease } from "./deployment.ts";
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
    const records = connectPlace(place);
    const [open, wait] = await Promise.all([
      readPlaced(input, place, records),
      records.wait(migrationKey(input.deployment, "up")),
    ]);
    requireLease(open);
    if (!isUnderWay(wait)) refuseCancelled(open.release, open.deployment);
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
function isUnderWay(wait: Wait | undefined): boolean {
  return wait !== undefined && wait.result === undefined;
}

export const handler = createHandler(migrateDatabase);
