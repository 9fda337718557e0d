import { AwsError } from "../service.ts";

/**
 * As many of what is listed as asked for, else a hundred, from where the token says.
 * @throws AwsError InvalidInputException.
 */
export function page<T>(
  items: readonly T[],
  token: string | undefined,
  size = 100,
): { items: T[]; nextToken?: string } {
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isSafeInteger(start) || start < 0) {
    throw new AwsError("InvalidInputException", "The nextToken was not given by this operation.");
  }
  if (!Number.isInteger(size) || size < 1 || size > 100) {
    throw new AwsError("InvalidInputException", `maxResults is a whole number from 1 to 100, not ${size}.`);
  }
  const end = start + size;
  return { items: items.slice(start, end), ...(end < items.length ? { nextToken: String(end) } : {}) };
}
