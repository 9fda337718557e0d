import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { readScope, ScopeInput } from "./stage-scope.ts";

/**
 * Stops the builds of a failed release that still run, or those that verify a failed deployment: nobody waits for
 * them any more, and they cost.
 */
export const stopStages: FunctionDefinition<typeof ScopeInput, { stopped: string[] }> = {
  name: "StopStages",
  input: ScopeInput,
  async run(input, { connection, environment }) {
    const { key: scope } = readScope(input);
    const records = connectRecords(connection, environment.table);
    const builds = connectBuilds(connection);
    const waits = (await records.openWaits()).filter(
      ({ key, kind }) => kind === "build" && key.startsWith(`${scope}/stage/`),
    );
    for (const { key, awaitedArn } of waits) {
      if (awaitedArn !== undefined) await builds.stop(awaitedArn);
      await records.closeWait(key, {
        end: "failed",
        error: "Stopped",
        cause: "stopped because another build failed",
      });
    }
    return { stopped: waits.flatMap(({ awaitedArn }) => awaitedArn ?? []) };
  },
};

export const handler = createHandler(stopStages);
