import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { connectImages } from "../aws/ecr.ts";
import type { PinnedImage } from "../core/image.ts";
import type { EnvironmentRecord, Release } from "../core/records.ts";
import {
  describeEndangered,
  type EndangeredImage,
  findEndangered,
  isUnusable,
  type KeptImage,
} from "../core/retention.ts";
import { previousRevision } from "../core/revisions.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { readEnvironments, readReleases } from "./reading.ts";

/**
 * Each minute: tells of images that an environment runs, or would go back to, and that are gone, archived, or soon
 * deleted by ECR's lifecycle, once, and notes them on the environment's record. Apart from Reconcile, which would carry
 * ECR's client at each cold start. What cannot be asked about one environment holds up none of the others; it is
 * thrown in the end.
 */
export const watchImages: FunctionDefinition<z.ZodMiniUnknown, { readonly endangered: number }> = {
  name: "WatchImages",
  input: z.unknown(),
  async run(_event, place, tell) {
    const records = connectRecords(place.connection, place.environment.table);
    const { config } = await records.installation();
    const environments = await readEnvironments(records, config);
    const needed = (await Promise.allSettled(environments)).flatMap((read) =>
      read.status === "fulfilled" ? revisionsNeeded(read.value) : [],
    );
    const releaseOf = await readReleases(
      records,
      needed.map(({ release }) => release),
    );
    const listed = listOnce(place);
    const failures: unknown[] = [];
    const endangered: EndangeredImage[] = [];
    const warn = (warnings: readonly string[]) => tell({ counts: {}, warnings });
    for (const read of environments) {
      const looked = read.then((environment) => look(records, environment, releaseOf, listed, warn));
      await looked.then(
        (found) => endangered.push(...found),
        (error: unknown) => failures.push(error),
      );
    }
    const unusable = endangered.filter(isUnusable).length;
    tell({
      counts: { ImagesNearLimit: endangered.length - unusable, ImagesUnusable: unusable },
      warnings: [],
    });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    return { endangered: endangered.length };
  },
};

export const handler = createHandler(watchImages);

/** Looks at what one environment needs, and notes and warns of what is in danger if that is otherwise than before. */
async function look(
  records: Records,
  environment: EnvironmentRecord,
  releaseOf: (id: string) => Promise<Release | undefined>,
  listed: (repository: string) => Promise<KeptImage[]>,
  warn: (said: readonly string[]) => void,
): Promise<EndangeredImage[]> {
  const found: EndangeredImage[] = [];
  const said: string[] = [];
  for (const { release, neededAs } of revisionsNeeded(environment)) {
    const { image, migrationImage } = (await releaseOf(release)) ?? {};
    for (const { repository, digest } of [image, migrationImage].filter(isThere)) {
      const endangered = findEndangered(await listed(repository), [{ digest, neededAs }]);
      found.push(...endangered);
      said.push(...endangered.map((one) => describeEndangered(repository, one)));
    }
  }
  const { service, environment: name, images: before = [] } = environment;
  if (JSON.stringify(said) === JSON.stringify(before)) return found;
  // Before it is noted: if the function is ended in between, it is told twice and not never.
  warn(said);
  await records.noteImages(service, name, said.length === 0 ? undefined : said);
  return found;
}

function isThere(image: PinnedImage | undefined): image is PinnedImage {
  return image !== undefined;
}

/** Lists the images of each repository once in a run. */
function listOnce({ connection }: Place): (repository: string) => Promise<KeptImage[]> {
  const images = connectImages(connection);
  const lists = new Map<string, Promise<KeptImage[]>>();
  return (repository) => {
    const list = lists.get(repository) ?? images.kept(repository);
    lists.set(repository, list);
    return list;
  };
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
