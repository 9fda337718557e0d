import * as z from "zod/mini";
import { connectServiceRemoval } from "../aws/apprunner-removal.ts";
import { connectReportRemoval } from "../aws/codebuild-removal.ts";
import type { Connection } from "../aws/connection.ts";
import { connectTaskDefinitionRemoval } from "../aws/ecs-removal.ts";
import { connectLogRemoval } from "../aws/logs-removal.ts";
import {
  clearingLookSeconds,
  clearingPatienceSeconds,
  describeUncleared,
  Released,
} from "../core/clearing.ts";
import { SpillwayError } from "../core/errors.ts";
import { targetLogGroups } from "../core/names.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/** What an `aws.lambda.Invocation` of the scope CRUD says: its own input, and what is being done to it. */
const Input = z.extend(Released, { tf: z.object({ action: z.enum(["create", "update", "delete"]) }) });

/**
 * When an installation is removed that keeps nothing: deletes what releases made in it and its deployer does not know,
 * and waits until it is gone. It may be called again and goes on where it stopped. In an installation that stays it
 * does nothing; a permanent one does not have it.
 */
export const clearEnvironments: FunctionDefinition<typeof Input, { readonly cleared: boolean }> = {
  name: "ClearEnvironments",
  input: Input,
  async run({ tf, ...released }, { connection, sleep = pass }) {
    if (tf.action !== "delete") return { cleared: false };
    const last = connection.now() + clearingPatienceSeconds * 1000;
    for (;;) {
      const left = await clear(connection, released).catch(waitFor);
      if (left.length === 0) return { cleared: true };
      if (connection.now() + clearingLookSeconds * 1000 > last)
        throw new SpillwayError("TargetBusy", describeUncleared(left));
      await sleep(clearingLookSeconds * 1000);
    }
  },
};

export const handler = createHandler(clearEnvironments);

/** Deletes what can be deleted now. @returns what is still there */
async function clear(connection: Connection, { targets, families, projects }: Released): Promise<string[]> {
  const left = await connectServiceRemoval(connection).remove(targets);
  if (left.length > 0) return left.map(({ arn, status }) => `${arn} is ${status}`);
  // Not before the services are gone: App Runner would make their log groups anew.
  const logs = connectLogRemoval(connection);
  for (const target of targets) await logs.remove(targetLogGroups(target));
  const definitions = connectTaskDefinitionRemoval(connection);
  for (const family of families) await definitions.remove(family);
  await connectReportRemoval(connection).remove(projects);
  return [];
}

/** A refusal that passes is waited out; with many revisions ECS throttles. */
function waitFor(error: unknown): string[] {
  if (error instanceof SpillwayError && (error.name === "Throttled" || error.name === "AwsFault"))
    return [error.message];
  throw error;
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
