import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { readCause } from "../core/errors.ts";
import { decideReleaseOutcome, type Outcome } from "../core/outcome.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({
  release: z.string(),
  failures: z.array(z.object({ error: z.string(), cause: z.string() })),
});

/** Closes the release's record with its outcome. Closing twice gives the first outcome again. */
export const completeRelease: FunctionDefinition<
  typeof Input,
  { release: string; outcome: Outcome; reason: string }
> = {
  name: "CompleteRelease",
  input: Input,
  async run({ release: id, failures }, { connection, environment }) {
    const records = connectRecords(connection, environment.table);
    const release = await records.requireRelease(id);
    if (release.outcome !== undefined)
      return { release: id, outcome: release.outcome, reason: release.reason ?? "" };
    const deployments = (await records.deployments(id)).map(({ environment, outcome, reason }) => ({
      environment,
      outcome,
      reason,
    }));
    const ending = decideReleaseOutcome({
      failures: failures.map(({ error, cause }) => ({ error, cause: readCause(cause) })),
      deployments,
    });
    await records.closeRelease(id, { ...ending, endedAt: connection.now() });
    return { release: id, ...ending };
  },
};

export const handler = createHandler(completeRelease);
