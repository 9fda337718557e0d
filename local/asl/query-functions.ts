import { createHash } from "node:crypto";
import jsonata from "jsonata";
import type { Clock, Random } from "./clock.ts";

/** What the evaluation of an expression may take from its execution, and how far it has come. */
export interface QueryHost {
  readonly clock: Clock;
  readonly random: Random;
  steps: number;
  depth: number;
  items: number;
}

/** Under this name an expression's environment holds its QueryHost; no variable of a user can be called so. */
export const HOST = "\0host";

export function hostOf(environment: jsonata.Environment): QueryHost {
  return environment.lookup(HOST);
}

/** The most numbers that `$range` makes: ten million, the limit of JSONata's own `[a..b]`, would exhaust memory. */
const RANGE_LIMIT = 1_000_000;

const HASH_ALGORITHMS: Readonly<Record<string, string>> = {
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};

type Register = (expression: jsonata.Expression) => void;

const QUERY_FUNCTIONS: Readonly<Record<string, Register>> = {
  partition: (expression) => expression.registerFunction("partition", partition, "<an:a>"),
  range: (expression) => expression.registerFunction("range", range, "<nnn:a>"),
  hash: (expression) => expression.registerFunction("hash", hash, "<ss:s>"),
  parse: (expression) => expression.registerFunction("parse", parse, "<s:x>"),
  uuid: (expression) => expression.registerFunction("uuid", queryUuid, "<:s>"),
  random: (expression) => expression.registerFunction("random", queryRandom, "<n?:n>"),
  shuffle: (expression) => expression.registerFunction("shuffle", queryShuffle, "<a:a>"),
  millis: (expression) => expression.registerFunction("millis", queryMillis, "<:n>"),
  now: (expression) => expression.registerFunction("now", queryNow, "<s?s?:s>"),
};

/**
 * Binds those of `names` that AWS adds to JSONata, and those of JSONata that read time or randomness, so that
 * they use the execution's own. Source: the Step Functions developer guide, "JSONata functions provided by
 * Step Functions".
 */
export function registerQueryFunctions(expression: jsonata.Expression, names: ReadonlySet<string>): void {
  for (const [name, register] of Object.entries(QUERY_FUNCTIONS)) {
    if (names.has(name)) register(expression);
  }
}

function partition(list: unknown[] | undefined, size: number | undefined): unknown {
  if (list === undefined || size === undefined) return undefined;
  const length = Math.trunc(size);
  if (length < 1) throw new Error(`$partition expects a size of at least 1, but got ${size}`);
  const parts: unknown[] = [];
  for (let start = 0; start < list.length; start += length) parts.push(list.slice(start, start + length));
  return parts;
}

function range(first: number | undefined, last: number | undefined, step: number | undefined): unknown {
  if (first === undefined || last === undefined || step === undefined) return undefined;
  if (step === 0) throw new Error("$range expects a step other than 0");
  const length = Math.max(0, Math.floor((last - first) / step) + 1);
  if (length > RANGE_LIMIT) {
    throw new Error(`$range would give ${length} numbers; the limit is ${RANGE_LIMIT}`);
  }
  const numbers = Array.from({ length }, (_, index) => first + index * step);
  // AWS was recorded giving 1, not [1], for a range of one number: it is a JSONata sequence.
  return Object.assign(numbers, { sequence: true });
}

function hash(text: string | undefined, algorithm: string | undefined): unknown {
  if (text === undefined || algorithm === undefined) return undefined;
  const name = HASH_ALGORITHMS[algorithm];
  if (name === undefined) {
    const known = Object.keys(HASH_ALGORITHMS).join(", ");
    throw new Error(`$hash expects one of the algorithms ${known}, but got '${algorithm}'`);
  }
  return createHash(name).update(text, "utf8").digest("hex");
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("$parse expects a text that is JSON");
  }
}

/** A lower-case UUID v4 drawn from `random`. */
export function uuid(random: Random): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function queryUuid(this: jsonata.Focus): string {
  return uuid(hostOf(this.environment).random);
}

/** Without a seed the next number of the execution's randomness, with one always the same number (mulberry32). */
function queryRandom(this: jsonata.Focus, seed: number | undefined): number {
  if (seed === undefined) return hostOf(this.environment).random();
  let mixed = (Math.trunc(seed) + 0x6d2b79f5) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

function queryShuffle(this: jsonata.Focus, list: unknown[] | undefined): unknown {
  if (list === undefined) return undefined;
  const { random } = hostOf(this.environment);
  const shuffled: unknown[] = [];
  for (const item of list) {
    const place = Math.floor(random() * (shuffled.length + 1));
    shuffled.push(shuffled[place]);
    shuffled[place] = item;
  }
  return shuffled;
}

function queryMillis(this: jsonata.Focus): number {
  return hostOf(this.environment).clock.now();
}

// JSONata does not export its formatting of dates; its own function is reached through an expression.
const fromMillis = jsonata("$fromMillis($time, $picture, $zone)");

function queryNow(this: jsonata.Focus, picture: string | undefined, zone: string | undefined) {
  const time = hostOf(this.environment).clock.now();
  return fromMillis.evaluate(undefined, { time, picture, zone });
}
