import * as z from "zod/mini";
import { connectExecutions } from "../aws/states.ts";
import { revertTarget } from "../core/migration.ts";
import { DeploymentInput, readPlaced, requireLease, updateDeployment } from "./deployment.ts";
import { lookAtTask } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { migrationWork } from "./migration-work.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/**
 * Takes back what the failed release's migration changed, with that release's own image. Only where the policy
 * allows it, and only once the previous code serves again; that it was begun is on record before it is.
 */
export const revertMigration: FunctionDefinition<typeof Input, void> = {
  name: "RevertMigration",
  input: Input,
  async run(input, place) {
    const open = await readPlaced(input, place);
    const { migration } = open.deployment;
    const to = revertTarget(open.deployment);
    if (migration === undefined || to === undefined) {
      const output = { action: "nothing-to-revert" };
      return connectExecutions(place.connection).complete(input.token, { end: "succeeded", output });
    }
    requireLease(open);
    if (migration.revert === undefined)
      await updateDeployment(open, { migration: { ...migration, revert: "begun" } });
    await awaitWork(
      place,
      migrationWork(place, open.release, open.deployment, "down", input.token, to),
      lookAtTask(place),
    );
  },
};

export const handler = createHandler(revertMigration);
