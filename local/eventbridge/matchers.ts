/** A leaf of an event. */
export type Leaf = string | number | boolean | null;

/** Says whether a value of an event is one that a pattern asks for. */
export type Matcher = (value: Leaf) => boolean;

/** A wildcard or a CIDR block that cannot be read; the message is AWS's. */
export class MatcherTextError extends Error {
  override readonly name = "MatcherTextError";
}

/** Equal texts; two spellings of one IP address are equal, too. */
export function exactly(wanted: string): Matcher {
  const address = parseAddress(wanted);
  if (!address) return (value) => value === wanted;
  return (value) => typeof value === "string" && sameAddress(parseAddress(value), address);
}

/** Equal numbers, however they are written: 300, 300.0 and 3e2. */
export function numberEquals(wanted: number): Matcher {
  return (value) => value === wanted;
}

export function prefix(wanted: string): Matcher {
  return (value) => typeof value === "string" && value.startsWith(wanted);
}

export function suffix(wanted: string): Matcher {
  return (value) => typeof value === "string" && value.endsWith(wanted);
}

/** Applies a matcher of texts without regard to case. */
export function ignoringCase(make: (wanted: string) => Matcher, wanted: string): Matcher {
  const matches = make(wanted.toLowerCase());
  return (value) => typeof value === "string" && matches(value.toLowerCase());
}

/** A plain equality of texts, for use with `ignoringCase`. */
export function textEquals(wanted: string): Matcher {
  return (value) => value === wanted;
}

/** Anything that is there (null included) and that none of the others matches. */
export function anythingBut(others: readonly Matcher[]): Matcher {
  return (value) => !others.some((matches) => matches(value));
}

/** A range of numbers; a bound that is `open` is not part of it. */
export function numberRange(range: {
  bottom?: { value: number; open: boolean };
  top?: { value: number; open: boolean };
}): Matcher {
  const { bottom, top } = range;
  return (value) => {
    if (typeof value !== "number") return false;
    if (bottom && (bottom.open ? value <= bottom.value : value < bottom.value)) return false;
    return !(top && (top.open ? value >= top.value : value > top.value));
  };
}

/**
 * `*` stands for any run of characters; `\*` and `\\` for themselves.
 * Throws MatcherTextError for two asterisks in a row or another escape. Positions count the opening quote.
 */
export function wildcard(pattern: string): Matcher {
  const parts: string[] = [""];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    const following = pattern.charAt(index + 1);
    if (character === "*") {
      if (following === "*") {
        throw new MatcherTextError(`Consecutive wildcard characters at pos ${bytePosition(pattern, index)}`);
      }
      parts.push("");
      continue;
    }
    const escapes = character === "\\";
    if (escapes && following !== "*" && following !== "\\") {
      throw new MatcherTextError(`Invalid escape character at pos ${bytePosition(pattern, index)}`);
    }
    parts.push(`${parts.pop() ?? ""}${escapes ? following : character}`);
    if (escapes) index++;
  }
  return (value) => typeof value === "string" && matchesParts(value, parts);
}

/** Where a character of a pattern is for AWS, which counts bytes of UTF-8 from the opening quote. */
function bytePosition(pattern: string, index: number): number {
  return new TextEncoder().encode(pattern.slice(0, index)).byteLength + 1;
}

/** The first part must begin the text, the last must end it, the others must follow each other in between. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const [first = "", ...others] = parts;
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let position = first.length;
  for (const part of others) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return text.length - last.length >= position && text.endsWith(last);
}

/**
 * A block of IPv4 or IPv6 addresses in CIDR notation: from the given address to the last of its block.
 * Throws MatcherTextError with AWS's message when it is none.
 */
export function cidr(block: string): Matcher {
  const [text = "", bits = "", ...more] = block.split("/");
  if (bits === "" || more.length > 0) throw new MatcherTextError("Malformed CIDR, one '/' required");
  if (!/^[+-]?\d+$/.test(bits)) throw new MatcherTextError("Malformed CIDR, mask bits must be an integer");
  const maskBits = Number(bits);
  if (maskBits < 0) throw new MatcherTextError("Malformed CIDR, mask bits must not be negative");
  const bottom = parseAddress(text);
  if (!bottom) {
    const looksLikeOne = IPV4.test(text) || IPV6.test(text);
    throw new MatcherTextError(`${looksLikeOne ? "Invalid" : "Nonstandard"} IP address: ${text}`);
  }
  const size = bottom.length * 8;
  if (maskBits >= size) throw new MatcherTextError(`IPv${size === 32 ? 4 : 6} mask bits must be < ${size}`);
  const top = bottom.map((byte, index) => {
    const fixed = Math.min(Math.max(maskBits - index * 8, 0), 8);
    return byte | (0xff >> fixed);
  });
  return (value) => {
    const address = typeof value === "string" ? parseAddress(value) : undefined;
    if (address?.length !== bottom.length) return false;
    return compare(address, bottom) >= 0 && compare(address, top) <= 0;
  };
}

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const IPV6 = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*$/;

/** The four or sixteen bytes of an IP address; undefined when the text is none. */
function parseAddress(text: string): number[] | undefined {
  if (IPV4.test(text)) {
    const bytes = text.split(".").map(Number);
    return bytes.every((byte) => byte <= 255) ? bytes : undefined;
  }
  if (!IPV6.test(text)) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const gap = 8 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return undefined;
  const groups = [...head, ...Array.from({ length: gap }, () => "0"), ...tail];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]);
}

function sameAddress(one: readonly number[] | undefined, other: readonly number[]): boolean {
  return one !== undefined && one.length === other.length && compare(one, other) === 0;
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, byte] of one.entries()) {
    const difference = byte - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
