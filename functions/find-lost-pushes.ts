import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectImages } from "../aws/ecr.ts";
import { idempotencyToken } from "../aws/idempotency.ts";
import { connectExecutions } from "../aws/states.ts";
import { releaseId } from "../core/admission.ts";
import { SpillwayError } from "../core/errors.ts";
import {
  choosePushes,
  decideTry,
  describePush,
  mostTries,
  type PushedImage,
  seenBefore,
} from "../core/lost-pushes.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";

/**
 * Each minute, because events are hints: starts the release of a pushed image of whose push nobody heard, or
 * whose execution failed before it opened one. What cannot be done for one service holds up none of the others; it is
 * thrown in the end, and so is, once, that a push is given up.
 */
export const findLostPushes: FunctionDefinition<z.ZodMiniUnknown, { readonly lost: number }> = {
  name: "FindLostPushes",
  input: z.unknown(),
  async run(_event, place, tell) {
    const records = connectRecords(place.connection, place.environment.table);
    const { config, resources } = await records.installation();
    const failures: unknown[] = [];
    const warnings: string[] = [];
    const found = {
      warn: (warning: string) => void warnings.push(warning),
      fail: (error: unknown) => void failures.push(error),
    };
    for (const [service, { image }] of Object.entries(config.services)) {
      const { repository } = image;
      const pushes = { service, repository, machineArn: resources.releaseMachineArn };
      await releaseLost(place, pushes, found).catch(found.fail);
    }
    tell({ counts: { LostPushes: warnings.length }, warnings });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    return { lost: warnings.length };
  },
};

export const handler = createHandler(findLostPushes);

/** Where images are pushed to, and what releases them. */
interface Pushes {
  readonly service: string;
  readonly repository: string;
  readonly machineArn: string;
}

/** What is told of a run: starts that were lost, and what went wrong. */
interface Found {
  warn(warning: string): void;
  fail(error: unknown): void;
}

async function releaseLost(place: Place, pushes: Pushes, found: Found): Promise<void> {
  const { service, repository } = pushes;
  const { connection } = place;
  const records = connectRecords(connection, place.environment.table);
  const before = await records.pushesSeenUntil(service);
  const tagged = await connectImages(connection).tagged(repository);
  const { images, seenUntil } = choosePushes(tagged, before, connection.now());
  const released = await Promise.all(
    images.map(async ({ digest }) => (await records.release(releaseId(service, digest, 1))) !== undefined),
  );
  const unsettled: PushedImage[] = [];
  for (const image of images.filter((_, nth) => !released[nth]))
    if (!(await isSettled(place, pushes, image, found))) unsettled.push(image);
  const until = seenBefore(seenUntil, unsettled);
  if (before === undefined || (images.length > 0 && until > before)) await records.sawPushes(service, until);
}

/** Whether a push without a release is given up. If not, its release is started, or was and is waited for. */
async function isSettled(
  place: Place,
  { service, repository, machineArn }: Pushes,
  image: PushedImage,
  { warn, fail }: Found,
): Promise<boolean> {
  const { connection } = place;
  const records = connectRecords(connection, place.environment.table);
  const { digest, tag, pushedAt } = image;
  // One name for each try of a push: a run that ends before it has noted what it saw begins nothing twice.
  const base = idempotencyToken(`${repository}@${digest}`).slice(0, 32);
  const tries = await findTries(place, machineArn, base);
  const now = connection.now();
  const decided = decideTry(tries, now);
  if (decided.decision === "wait") return false;
  if (decided.decision === "try") {
    const name = nameOf(base, decided.number);
    const why = decided.number === 1 ? "Nobody heard of" : "Nothing became yet of";
    if (await connectExecutions(connection).start(machineArn, name, describePush(repository, image)))
      warn(`${why} the push of ${repository}:${tag} (${digest}); started ${name}.`);
    return false;
  }
  const { reason } = decided;
  if (await records.refusePush({ service, repository, digest, tag, pushedAt, at: now, reason }))
    fail(
      new SpillwayError(
        "PushRefused",
        `Nothing becomes of the push of ${repository}:${tag} (${digest}): ${reason}. Mend that, then start the release machine with {"service":"${service}","tag":"${tag}"}.`,
      ),
    );
  return true;
}

/** The executions that were started for a push, the oldest first. */
async function findTries({ connection }: Place, machineArn: string, base: string) {
  const executions = connectExecutions(connection);
  const tries = [];
  for (let number = 1; number <= mostTries; number++) {
    const executionArn = `${machineArn.replace(":stateMachine:", ":execution:")}:${nameOf(base, number)}`;
    const found = await executions.describe(executionArn);
    if (found === undefined) break;
    tries.push({ executionArn, ...found });
  }
  return tries;
}

function nameOf(base: string, number: number): string {
  return `lost-push-${number}-${base}`;
}
