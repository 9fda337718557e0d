import { cancelRelease } from "./cancelling.ts";
import type { Perform } from "./operations.ts";

/** Cancels a release by a person's word. */
export const cancel: Perform<"cancel"> = async ({ release, reason }, { userArn: by }, place) => {
  await cancelRelease(place, { release, reason, by });
  return `${release} is cancelled: what is under way is stopped, and an environment that was changed goes back`;
};
