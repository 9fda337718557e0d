import { AwsError } from "../service.ts";

const DEFAULT_PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 1000;

/** One page of `items`: 100 of them unless asked otherwise, 1,000 at most. Throws InvalidToken. */
export function page<T>(
  items: readonly T[],
  maxResults: number | undefined,
  nextToken: string | undefined,
): { items: T[]; nextToken: string | undefined } {
  // AWS takes 0 for its default.
  const size = Math.min(maxResults || DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE);
  const start = nextToken === undefined ? 0 : Number(/^page-(\d{1,9})$/.exec(nextToken)?.[1]);
  if (Number.isNaN(start)) throw new AwsError("InvalidToken", `Invalid Token: 'Invalid token'`);
  const end = start + size;
  return { items: items.slice(start, end), nextToken: end < items.length ? `page-${end}` : undefined };
}
