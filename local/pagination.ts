import { createHash } from "node:crypto";
import type { Clock } from "./asl/clock.ts";
import type { AwsError } from "./service.ts";

/** AWS's documentation gives Step Functions' tokens 24 hours; the other services do not say. */
const TOKEN_LIFETIME_MILLISECONDS = 24 * 3_600_000;

/** One page, and the token of the next one if there is more. */
export interface Page<Item> {
  readonly items: Item[];
  readonly nextToken: string | undefined;
}

export interface PageRequest<Item> {
  /** Which operation it is for, and all of its input that chooses or orders: a token is good for the same again. */
  readonly of: readonly unknown[];
  /** What tells an item from the others, so that a page goes on where the last one ended although items came or went. */
  readonly key: (item: Item) => string;
  readonly size: number;
  readonly token: string | undefined;
}

export type Paginate = <Item>(items: readonly Item[], request: PageRequest<Item>) => Page<Item>;

interface Token {
  /** What it was given for. */
  readonly of: string;
  /** The key of the last item shown, and how many were before the next one. */
  readonly after: string;
  readonly shown: number;
  /** Milliseconds since the epoch. */
  readonly givenAt: number;
}

/**
 * Pages lists with opaque tokens. A token that was not given for the same question, or is older than 24 hours, is
 * refused with the error that `refuse` makes.
 */
export function createPaginator(
  clock: Pick<Clock, "now">,
  refuse: (why: "invalid" | "expired") => AwsError,
): Paginate {
  return (items, { of, key, size, token }) => {
    const from = token === undefined ? undefined : readToken(token);
    if (token !== undefined && from?.of !== nameOf(of)) throw refuse("invalid");
    if (from && clock.now() - from.givenAt > TOKEN_LIFETIME_MILLISECONDS) throw refuse("expired");
    const start = from ? startAfter(items.map(key), from) : 0;
    const end = start + size;
    const page = items.slice(start, end);
    const last = page.at(-1);
    if (last === undefined || end >= items.length) return { items: page, nextToken: undefined };
    const next: Token = { of: nameOf(of), after: key(last), shown: end, givenAt: clock.now() };
    return { items: page, nextToken: writeToken(next) };
  };
}

/**
 * A page of things in the order of their names. The token is the last name shown, so it needs no clock.
 * @param refuse makes the error for a token that no page gave.
 */
export function pageByName<Item extends { readonly name: string }>(
  things: Iterable<Item>,
  { size, token }: { readonly size: number; readonly token: string | undefined },
  refuse: () => AwsError,
): Page<Item> {
  const after = token === undefined ? "" : nameIn(token);
  if (after === undefined) throw refuse();
  const matching = [...things]
    .filter(({ name }) => name > after)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const items = matching.slice(0, size);
  const last = items.at(-1);
  const isLast = last === undefined || items.length === matching.length;
  return { items, nextToken: isLast ? undefined : Buffer.from(`after ${last.name}`).toString("base64url") };
}

function nameIn(token: string): string | undefined {
  return /^after (.+)$/.exec(Buffer.from(token, "base64url").toString())?.[1];
}

/** What tells a question from others in a token. */
function nameOf(question: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 16);
}

/** After the last item shown; where that has gone, as many items on as were shown. */
function startAfter(keys: readonly string[], { after, shown }: Token): number {
  const index = keys.indexOf(after);
  return index < 0 ? shown : index + 1;
}

function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function readToken(text: string): Token | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    return isToken(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isToken(value: unknown): value is Token {
  return (
    typeof value === "object" &&
    value !== null &&
    "of" in value &&
    typeof value.of === "string" &&
    "after" in value &&
    typeof value.after === "string" &&
    "shown" in value &&
    Number.isSafeInteger(value.shown) &&
    "givenAt" in value &&
    typeof value.givenAt === "number"
  );
}
