import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectImages } from "../aws/ecr.ts";
import type { PinnedImage } from "../core/image.ts";
import type { EnvironmentRecord } from "../core/records.ts";
import { describeEndangered, findEndangered, type NeededImage } from "../core/retention.ts";
import { previousRevision } from "../core/revisions.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";

/**
 * Every ten minutes: tells of images that an environment runs, or would go back to, and that ECR's lifecycle will soon
 * delete. Apart from Reconcile, which would carry ECR's client at each cold start.
 */
export const watchImages: FunctionDefinition<z.ZodMiniUnknown, { readonly endangered: number }> = {
  name: "WatchImages",
  input: z.unknown(),
  async run(_event, place, tell) {
    const images = connectImages(place.connection);
    const warnings: string[] = [];
    const byRepository = Map.groupBy(await neededImages(place), ({ image }) => image.repository);
    for (const [repository, needed] of byRepository) {
      const tagged = await images.tagged(repository);
      const endangered = findEndangered(tagged, needed.map(asNeeded));
      warnings.push(...endangered.map((image) => describeEndangered(repository, image)));
    }
    tell({ counts: { ImagesNearLimit: warnings.length }, warnings });
    return { endangered: warnings.length };
  },
};

export const handler = createHandler(watchImages);

/** An image, and what needs it. */
interface Needed {
  readonly image: PinnedImage;
  readonly neededAs: string;
}

function asNeeded({ image: { digest }, neededAs }: Needed): NeededImage {
  return { digest, neededAs };
}

async function neededImages(place: Place): Promise<Needed[]> {
  const records = connectRecords(place.connection, place.environment.table);
  const { services } = (await records.installation()).config;
  const needed: Needed[] = [];
  for (const [service, { environments }] of Object.entries(services))
    for (const environment of Object.keys(environments)) {
      const record = await records.environment(service, environment);
      for (const { release, neededAs } of revisionsNeeded(record)) {
        const { image, migrationImage } = (await records.release(release)) ?? {};
        for (const one of [image, migrationImage])
          if (one !== undefined) needed.push({ image: one, neededAs });
      }
    }
  return needed;
}

/** What is live, and what "previous" is: what a rollback or a recovery runs. */
function revisionsNeeded({ environment, live, history = [] }: EnvironmentRecord) {
  const previous = previousRevision(history);
  return [
    ...(live === undefined ? [] : [{ release: live.release, neededAs: `live in ${environment}` }]),
    ...(previous === undefined
      ? []
      : [{ release: previous.release, neededAs: `to which ${environment} would go back` }]),
  ];
}
