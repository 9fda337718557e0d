import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { closeReleases, recoverEnvironments } from "./recovery.ts";

const Input = z.object({ detail: z.object({ executionArn: z.string() }) });

/**
 * Hears that an execution ended otherwise than well. Most have closed their records; where one did not, the
 * environment is recovered, or the release closed. A machine cannot do that itself: nothing of it runs any more.
 */
export const recoverExecution: FunctionDefinition<typeof Input, { environments: number; releases: number }> =
  {
    name: "RecoverExecution",
    input: Input,
    async run({ detail: { executionArn } }, place) {
      const open = await connectRecords(place.connection, place.environment.table).allOpen();
      const deployments = open.deployments();
      return {
        environments: await recoverEnvironments(place, deployments, executionArn),
        releases: await closeReleases(place, open.releases(), deployments, executionArn),
      };
    },
  };

export const handler = createHandler(recoverExecution);
