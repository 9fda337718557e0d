import type { Clock } from "../asl/index.ts";
import { createPaginator, type Page } from "../pagination.ts";
import { AwsError } from "../service.ts";

const DEFAULT_PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 1000;

/** What Step Functions' operations that page have in common. */
interface Paged {
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

export type SfnPaginate = <Item>(
  operation: string,
  items: readonly Item[],
  key: (item: Item) => string,
  input: Paged,
) => Page<Item>;

/** Pages of 100 items unless asked otherwise, 1,000 at most. They throw InvalidToken, ValidationException. */
export function createPages(clock: Clock): SfnPaginate {
  const paginate = createPaginator(
    clock,
    (why) =>
      new AwsError(
        "InvalidToken",
        why === "expired" ? "Invalid Token: 'Token has expired'" : "Invalid Token: 'Invalid token'",
      ),
  );
  return (operation, items, key, input) => {
    const { nextToken, maxResults, ...question } = input;
    if (maxResults !== undefined && (maxResults < 0 || maxResults > LARGEST_PAGE_SIZE)) {
      throw new AwsError(
        "ValidationException",
        `1 validation error detected: Value '${maxResults}' at 'maxResults' failed to satisfy constraint: Member must have value between 0 and ${LARGEST_PAGE_SIZE}`,
      );
    }
    // AWS takes 0 for its default.
    const size = maxResults || DEFAULT_PAGE_SIZE;
    return paginate(items, { of: [operation, question], key, size, token: nextToken });
  };
}
