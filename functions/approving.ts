import { connectRecords } from "../aws/dynamodb.ts";
import {
  type Approval,
  describeApproval,
  giveApproval,
  type PersonsWord,
  rejectApproval,
} from "../core/approval.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { mostTries, wakeApproved } from "./approval.ts";
import type { Place } from "./middleware.ts";
import type { Caller, Perform } from "./operations.ts";

/** Approves an image for an environment; the last that is needed lets its deployment go on. */
export const approve: Perform<"approve"> = (request, by, place) => say(giveApproval, request, by, place);

/** Rejects an image for an environment: its deployment ends as Rejected. */
export const reject: Perform<"reject"> = (request, by, place) => say(rejectApproval, request, by, place);

async function say(
  decide: (approval: Approval, word: PersonsWord) => Approval,
  request: { readonly release: string; readonly environment: string; readonly reason?: string | undefined },
  { person, userArn, at }: Caller,
  place: Place,
): Promise<string> {
  const { release: id, environment, reason } = request;
  const records = connectRecords(place.connection, place.environment.table);
  const release = await records.requireRelease(id);
  const { digest } = requireImage(release);
  for (let tries = 0; tries < mostTries; tries++) {
    const before = await records.approval(release.service, environment, digest);
    if (before === undefined)
      throw new SpillwayError(
        "NothingToDo",
        `Nobody has asked for an approval of ${id} in ${environment} yet.`,
      );
    const after = decide(before, { person, userArn, at, reason });
    if (!(await records.putApproval(after))) continue;
    await wakeApproved(place, after);
    return describeApproval(after, at);
  }
  throw new SpillwayError("Throttled", `Others say their word about ${id} at the same moment; ask again.`);
}
