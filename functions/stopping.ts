import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import type { Place } from "./middleware.ts";

/**
 * Stops the builds that check a release or verify a deployment and still run: nobody waits for them any more, and
 * they cost.
 * @param scope what begins the keys of their waits: a release's id, or `deploymentKey`.
 * @param cause what their records say.
 */
export async function stopBuilds(
  { connection, environment }: Place,
  scope: string,
  cause: string,
): Promise<string[]> {
  const records = connectRecords(connection, environment.table);
  const builds = connectBuilds(connection);
  const waits = (await records.openWaits()).filter(
    ({ key, kind }) => kind === "build" && key.startsWith(`${scope}/stage/`),
  );
  for (const wait of waits) {
    if (wait.awaitedArn !== undefined) await builds.stop(wait.awaitedArn);
    await records.closeWait(wait, { end: "failed", error: "Stopped", cause });
  }
  return waits.flatMap(({ awaitedArn }) => awaitedArn ?? []);
}
