import * as z from "zod/mini";
import { connectAppRunner } from "../aws/apprunner.ts";
import { connectExecutions } from "../aws/states.ts";
import { cancellationOf } from "../core/cancel.ts";
import { schemaMembers } from "../core/ending.ts";
import { SpillwayError } from "../core/errors.ts";
import { deploymentKey } from "../core/names.ts";
import type { Deployment } from "../core/records.ts";
import { didNothing, planRollback, type TargetState } from "../core/rollback.ts";
import { targetOf } from "../core/settings.ts";
import { canStay } from "../core/still-wanted.ts";
import {
  DeploymentInput,
  type OpenDeployment,
  readPlaced,
  requireLease,
  updateDeployment,
} from "./deployment.ts";
import { connectionTo } from "./environment-connection.ts";
import { lookAtOperation } from "./looks.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { schemaSource } from "./schema-source.ts";
import { targetWork } from "./target-work.ts";
import { awaitWork } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/**
 * Brings the environment back to its previous revision, from what the record says was done and what the target
 * says it runs. A target's own rollback is waited for, never fought.
 */
export const rollBack: FunctionDefinition<typeof Input, void> = {
  name: "RollBack",
  input: Input,
  async run(input, place) {
    const open = await readPlaced(input, place);
    const { deployment } = open;
    const { environment } = input.deployment;
    const isCancelled = cancellationOf(open.release, deployment) !== undefined;
    const plan = didNothing(deployment)
      ? ({ action: "nothing-done" } as const)
      : planRollback({ ...deployment, isCancelled }, await readTarget(open, place), await canGoBack(open));
    if (plan.action === "wait")
      throw new SpillwayError(
        "TargetBusy",
        "The target is still at work and cannot be stopped; waiting for it.",
      );
    await note(open, plan.action === "restore" ? "restored" : plan.action, place);
    const key = `${deploymentKey(input.deployment)}/roll-back`;
    if (plan.action !== "restore") {
      await answer(place, input.token, plan.action);
      // An earlier try may have begun it and died before it could say so.
      await open.records.endWait(key, { end: "succeeded", output: { action: plan.action } });
      return;
    }
    requireLease(open);
    const before = await open.records.requireRelease(plan.revision.release);
    await awaitWork(
      place,
      targetWork(place, before, environment, key, input.deployment, input.token),
      lookAtOperation(place),
    );
  },
};

/** Whether the previous code can run on the schema as it is now; undefined if a label is missing. */
async function canGoBack(open: OpenDeployment): Promise<boolean | undefined> {
  const { previous } = open.deployment;
  if (previous === undefined) return undefined;
  const schema = schemaMembers(open.deployment, await schemaSource(open));
  return canStay(previous.builtAgainst, { ...previous, ...schema });
}

function readTarget({ release, deployment }: OpenDeployment, place: Place): Promise<TargetState> {
  const { environment } = deployment;
  return connectAppRunner(connectionTo(place, release, environment)).describe(targetOf(release, environment));
}

async function note(
  open: OpenDeployment,
  action: NonNullable<Deployment["rollback"]>["action"],
  place: Place,
): Promise<void> {
  // A retry after our own restore finds the previous revision live; what we did stays on record.
  if (open.deployment.rollback?.action === "restored") return;
  await updateDeployment(open, { rollback: { action, at: place.connection.now() } });
}

async function answer(place: Place, token: string, action: string): Promise<void> {
  await connectExecutions(place.connection).complete(token, { end: "succeeded", output: { action } });
}

export const handler = createHandler(rollBack);
