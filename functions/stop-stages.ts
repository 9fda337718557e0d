import * as z from "zod/mini";
import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ release: z.string() });

/** Stops the builds of a failed release that still run: nobody waits for them any more, and they cost. */
export const stopStages: FunctionDefinition<typeof Input, { stopped: string[] }> = {
  name: "StopStages",
  input: Input,
  async run({ release }, { connection, environment }) {
    const records = connectRecords(connection, environment.table);
    const builds = connectBuilds(connection);
    const waits = (await records.openWaits()).filter(
      (wait) => wait.release === release && wait.kind === "build",
    );
    for (const { key, awaitedArn } of waits) {
      if (awaitedArn !== undefined) await builds.stop(awaitedArn);
      await records.closeWait(key, {
        end: "failed",
        error: "Stopped",
        cause: "another stage of the release failed",
      });
    }
    return { stopped: waits.flatMap(({ awaitedArn }) => awaitedArn ?? []) };
  },
};

export const handler = createHandler(stopStages);
