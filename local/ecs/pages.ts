import type { Clock } from "../asl/clock.ts";
import { createPaginator, type Paginate } from "../pagination.ts";
import { AwsError } from "../service.ts";

const LARGEST_PAGE_SIZE = 100;

export type EcsPaginate = Paginate;

/** ECS's pages; a token that is none of this question is an InvalidParameterException. */
export function createPages(clock: Clock): EcsPaginate {
  return createPaginator(
    clock,
    (why) =>
      new AwsError(
        "InvalidParameterException",
        why === "expired" ? "Token has expired." : "Invalid token: it was not given for this request.",
      ),
  );
}

/** 100 unless asked otherwise. @throws AwsError InvalidParameterException. */
export function sizeOf(maxResults = LARGEST_PAGE_SIZE): number {
  if (Number.isInteger(maxResults) && maxResults >= 1 && maxResults <= LARGEST_PAGE_SIZE) return maxResults;
  throw new AwsError(
    "InvalidParameterException",
    `maxResults must be between 1 and ${LARGEST_PAGE_SIZE}; it is ${maxResults}.`,
  );
}
