import { type JsonReader, JsonTextError } from "./json-reader.ts";
import {
  anythingBut,
  cidr,
  exactly,
  ignoringCase,
  type Matcher,
  MatcherTextError,
  numberEquals,
  numberRange,
  prefix,
  suffix,
  textEquals,
  wildcard,
} from "./matchers.ts";

/**
 * Reads a match expression such as `{"prefix": "v1."}`, after its opening brace, to its closing brace.
 * "absent" is what `{"exists": false}` asks for. Throws JsonTextError or MatcherTextError with AWS's messages.
 */
export function parseMatchExpression(reader: JsonReader): Matcher | "absent" {
  if (reader.next() !== "field") throw reader.error("Match expression name not found");
  const name = reader.text();
  switch (name) {
    case "exactly":
      return closed(reader, exactly(textOf(reader, "exact match pattern must be a string")));
    case "prefix":
    case "suffix":
      return parseAffix(reader, name);
    case "equals-ignore-case":
      return closed(
        reader,
        ignoringCase(textEquals, textOf(reader, `${name} match pattern must be a string`)),
      );
    case "wildcard": {
      const text = textOf(reader, "wildcard match pattern must be a string");
      return closed(
        reader,
        locating(reader, () => wildcard(text)),
      );
    }
    case "cidr":
      // The message is AWS's, which took it over from prefix.
      return closed(reader, cidr(textOf(reader, "prefix match pattern must be a string")));
    case "numeric":
      return parseNumeric(reader);
    case "anything-but":
      return parseAnythingBut(reader);
    case "exists": {
      const token = reader.next();
      if (token !== "true" && token !== "false") {
        throw reader.error("exists match pattern must be either true or false.");
      }
      return closed(reader, token === "true" ? () => true : "absent");
    }
    default:
      throw reader.error(`Unrecognized match type ${name}`);
  }
}

function textOf(reader: JsonReader, otherwise: string): string {
  if (reader.next() !== "string") throw reader.error(otherwise);
  return reader.text();
}

function closed<T>(reader: JsonReader, expression: T): T {
  if (reader.next() !== "end-object") throw reader.error("Only one key allowed in match expression");
  return expression;
}

/** Adds the place to the message of a wildcard that cannot be read, as AWS does. */
function locating<T>(reader: JsonReader, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof MatcherTextError ? reader.error(error.message) : error;
  }
}

/** `{"prefix": "a"}` or `{"prefix": {"equals-ignore-case": "a"}}`. */
function parseAffix(reader: JsonReader, name: "prefix" | "suffix"): Matcher {
  const make = name === "prefix" ? prefix : suffix;
  const token = reader.next();
  if (token === "string") return closed(reader, make(reader.text()));
  if (token !== "start-object") throw reader.error(`${name} match pattern must be a string`);
  const title = name === "prefix" ? "Prefix" : "Suffix";
  if (reader.next() !== "field") throw reader.error(`${title} expression name not found`);
  const inner = reader.text();
  if (inner !== "equals-ignore-case") throw reader.error(`Unsupported ${name} pattern: ${inner}`);
  const text = textOf(reader, "equals-ignore-case match pattern must be a string");
  return closed(reader, closed(reader, ignoringCase(make, text)));
}

function parseNumeric(reader: JsonReader): Matcher {
  if (reader.next() !== "start-array") throw reader.error("Value of numeric must be an array.");
  if (reader.next() !== "string") throw reader.error(`Invalid member in numeric match: ${reader.text()}`);
  const matcher = parseRange(reader, reader.text());
  if (reader.next() !== "end-object") throw tooManyElements(reader);
  return matcher;
}

function parseRange(reader: JsonReader, operator: string): Matcher {
  // AWS reads the operand before it looks at the operator, which shows in the place of the error.
  const isNumber = reader.next() === "number";
  if (!["=", "<", "<=", ">", ">="].includes(operator)) {
    throw reader.error(`Unrecognized numeric range operator: ${operator}`);
  }
  if (!isNumber) throw reader.error(`Value of ${operator === "=" ? "equals" : operator} must be numeric`);
  const value = Number(reader.text());
  const token = reader.next();
  if (operator === ">" || operator === ">=") {
    const bottom = { value, open: operator === ">" };
    if (token === "end-array") return numberRange({ bottom });
    if (token !== "string") throw reader.error(`Bad value in numeric range: ${reader.text()}`);
    return numberRange({ bottom, top: parseTop(reader, reader.text(), bottom) });
  }
  if (token !== "end-array") throw tooManyElements(reader);
  return operator === "=" ? numberEquals(value) : numberRange({ top: { value, open: operator === "<" } });
}

function parseTop(
  reader: JsonReader,
  operator: string,
  bottom: { value: number; open: boolean },
): { value: number; open: boolean } {
  if (operator !== "<" && operator !== "<=") {
    throw reader.error(`Bad numeric range operator: ${operator}`);
  }
  if (reader.next() !== "number") throw reader.error(`Value of ${operator} must be numeric`);
  const top = { value: Number(reader.text()), open: operator === "<" };
  if (reader.next() !== "end-array") throw reader.error("Too many terms in numeric range expression");
  if (bottom.value >= top.value) throw reader.error("Bottom must be less than top");
  return top;
}

function tooManyElements(reader: JsonReader): JsonTextError {
  return reader.error("Too many elements in numeric expression");
}

/** How a value inside `anything-but` is matched, and what it is called when it is no text. */
interface Inner {
  readonly make: (text: string) => Matcher;
  readonly notText: string;
  readonly mayBeEmpty: boolean;
}

const AFFIX_NOT_TEXT = "prefix/suffix match pattern must be a string";
const INNER: ReadonlyMap<string, Inner> = new Map([
  [
    "equals-ignore-case",
    {
      make: (text) => ignoringCase(textEquals, text),
      notText: "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
      mayBeEmpty: true,
    },
  ],
  ["prefix", { make: prefix, notText: AFFIX_NOT_TEXT, mayBeEmpty: false }],
  ["suffix", { make: suffix, notText: AFFIX_NOT_TEXT, mayBeEmpty: false }],
  ["wildcard", { make: wildcard, notText: "wildcard match pattern must be a string", mayBeEmpty: true }],
]);

function parseAnythingBut(reader: JsonReader): Matcher {
  let token = reader.next();
  let inner: Inner | undefined;
  if (token === "start-object") {
    if (reader.next() !== "field") throw reader.error("Anything-But expression name not found");
    inner = INNER.get(reader.text());
    if (!inner) throw reader.error(`Unsupported anything-but pattern: ${reader.text()}`);
    token = reader.next();
  }
  if (token !== "start-array" && token !== "string" && token !== "number") {
    throw reader.error("Value of anything-but must be an array or single string/number value.");
  }
  const others = parseOthers(reader, token, inner);
  if (reader.next() !== "end-object") throw tooManyElements(reader);
  if (inner && reader.next() !== "end-object") throw tooManyElements(reader);
  return anythingBut(others);
}

function parseOthers(
  reader: JsonReader,
  token: "start-array" | "string" | "number",
  inner: Inner | undefined,
): Matcher[] {
  if (token !== "start-array") return [inner ? parseInner(reader, token, inner) : parsePlain(reader, token)];
  const others: Matcher[] = [];
  const kinds = new Set<string>();
  try {
    for (let item = reader.next(); item !== "end-array"; item = reader.next()) {
      kinds.add(item);
      others.push(inner ? parseInner(reader, item, inner) : parsePlain(reader, item));
    }
  } catch (error) {
    // AWS wraps errors of lists once more, so that their place is written twice.
    throw error instanceof JsonTextError ? reader.error(error.message) : error;
  }
  if (!inner && kinds.size !== 1) {
    throw reader.error(
      "Inside anything but list, either all values are number or string, mixed type is not supported",
    );
  }
  return others;
}

function parsePlain(reader: JsonReader, token: string): Matcher {
  if (token === "string") return textEquals(reader.text());
  if (token === "number") return numberEquals(Number(reader.text()));
  throw reader.error("Inside anything but list, start|null|boolean is not supported.");
}

function parseInner(reader: JsonReader, token: string, inner: Inner): Matcher {
  if (token !== "string") throw reader.error(inner.notText);
  const text = reader.text();
  if (text === "" && !inner.mayBeEmpty) throw reader.error("Null prefix/suffix not allowed");
  return locating(reader, () => inner.make(text));
}
