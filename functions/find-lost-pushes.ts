import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectImages } from "../aws/ecr.ts";
import { idempotencyToken } from "../aws/idempotency.ts";
import { connectExecutions } from "../aws/states.ts";
import { releaseId } from "../core/admission.ts";
import { choosePushes, describePush } from "../core/lost-pushes.ts";
import type { Resources } from "../core/records.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";

/**
 * Every five minutes, because events are hints: starts the release of a pushed image of whose push nobody heard. What
 * cannot be done for one service holds up none of the others; it is thrown in the end.
 */
export const findLostPushes: FunctionDefinition<z.ZodMiniUnknown, { readonly lost: number }> = {
  name: "FindLostPushes",
  input: z.unknown(),
  async run(_event, place, tell) {
    const records = connectRecords(place.connection, place.environment.table);
    const installation = await records.installation();
    const failures: unknown[] = [];
    const warnings: string[] = [];
    for (const [service, { image }] of Object.entries(installation.config.services))
      await releaseLost(place, installation.resources, service, image.repository, (warning) =>
        warnings.push(warning),
      ).catch((error: unknown) => failures.push(error));
    tell({ counts: { LostPushes: warnings.length }, warnings });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    return { lost: warnings.length };
  },
};

export const handler = createHandler(findLostPushes);

async function releaseLost(
  { connection, environment }: Place,
  { releaseMachineArn }: Resources,
  service: string,
  repository: string,
  warn: (warning: string) => void,
): Promise<void> {
  const records = connectRecords(connection, environment.table);
  const executions = connectExecutions(connection);
  const before = await records.pushesSeenUntil(service);
  const tagged = await connectImages(connection).tagged(repository);
  const { images, seenUntil } = choosePushes(tagged, before, connection.now());
  for (const image of images) {
    const release = releaseId(service, image.digest, 1);
    if ((await records.release(release)) !== undefined) continue;
    // One name for one push: a run that ends before it has noted what it saw begins nothing twice.
    const name = `lost-push-${idempotencyToken(`${repository}@${image.digest}`).slice(0, 32)}`;
    if (await executions.start(releaseMachineArn, name, describePush(repository, image)))
      warn(`Nobody heard of the push of ${repository}:${image.tag} (${image.digest}); started ${name}.`);
  }
  await records.sawPushes(service, seenUntil);
}
