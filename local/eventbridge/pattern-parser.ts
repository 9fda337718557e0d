import { JsonReader } from "./json-reader.ts";
import { parseMatchExpression } from "./match-expression.ts";
import { exactly, type Matcher, numberEquals } from "./matchers.ts";

/** What a pattern asks of one field: one of the matchers, or, if it may be, absence. */
export interface Condition {
  readonly matchers: readonly Matcher[];
  readonly mayBeAbsent: boolean;
}

/** Conditions by dotted field name, all of which must hold. A pattern is a list of branches, one per way through its `$or`s. */
export type Branch = ReadonlyMap<string, Condition>;

const OR = "$or";

/** How many branches a pattern may have: `$or` multiplies them (AWS refuses rules beyond a thousand combinations). */
const BRANCH_LIMIT = 1000;

/** Names that stand for operators and so cannot name fields inside `$or` (event-ruler, `Constants`). */
const RESERVED = new Set([
  "exactly",
  "equals-ignore-case",
  "prefix",
  "suffix",
  "anything-but",
  "exists",
  "wildcard",
  "numeric",
  "cidr",
  "=",
  "<",
  "<=",
  ">",
  ">=",
  "regex",
  "not-wildcard",
  "not-equals-ignore-case",
  "date-after",
  "date-on-or-after",
  "date-before",
  "date-on-or-before",
  "in-date-range",
  "ip-address-in-range",
  "ip-address-not-in-range",
]);

/** Reads a pattern into its branches. Throws JsonTextError or MatcherTextError. */
export function parsePattern(text: string): readonly Branch[] {
  const reader = new JsonReader(text);
  if (reader.next() !== "start-object") throw reader.error("Filter is not an object");
  const branches = parseObject(reader, "", [new Map()], false);
  return branches;
}

/** Adds the conditions of an object's fields to each branch; `$or` multiplies the branches. */
function parseObject(
  reader: JsonReader,
  path: string,
  branches: readonly Branch[],
  insideOr: boolean,
): readonly Branch[] {
  let current = branches;
  let isEmpty = true;
  while (reader.next() !== "end-object") {
    isEmpty = false;
    const step = reader.text();
    if (step === OR) {
      current = parseOr(reader, path, current);
      continue;
    }
    if (insideOr && RESERVED.has(step)) {
      throw reader.error(`${step} is Ruler reserved fieldName which cannot be used inside ${OR}.`);
    }
    const name = path === "" ? step : `${path}.${step}`;
    const token = reader.next();
    if (token === "start-object") {
      current = parseObject(reader, name, current, insideOr);
    } else if (token === "start-array") {
      const condition = parseCondition(reader);
      current = current.map((branch) => new Map([...branch, [name, condition]]));
    } else {
      throw reader.error(`"${step}" must be an object or an array`);
    }
  }
  if (isEmpty) throw reader.error("Empty objects are not allowed");
  return current;
}

function parseOr(reader: JsonReader, path: string, branches: readonly Branch[]): readonly Branch[] {
  if (reader.next() !== "start-array") throw reader.error(`It must be an Array followed with ${OR}.`);
  const alternatives: (readonly Branch[])[] = [];
  for (let token = reader.next(); token !== "end-array"; token = reader.next()) {
    if (token !== "start-object") {
      throw reader.error(`Only JSON object is allowed in array of ${OR} relationship.`);
    }
    alternatives.push(parseObject(reader, path, branches, true));
  }
  if (alternatives.length < 2) {
    throw reader.error(`There must have at least 2 Objects in ${OR} relationship.`);
  }
  const all = alternatives.flat();
  if (all.length > BRANCH_LIMIT) {
    throw reader.error(`Rule is too complex: ${OR} gives more than ${BRANCH_LIMIT} combinations`);
  }
  return all;
}

/** Reads what an array asks of a field, after its opening bracket. */
function parseCondition(reader: JsonReader): Condition {
  const matchers: Matcher[] = [];
  let mayBeAbsent = false;
  let isEmpty = true;
  for (let token = reader.next(); token !== "end-array"; token = reader.next()) {
    isEmpty = false;
    switch (token) {
      case "start-object": {
        const expression = parseMatchExpression(reader);
        if (expression === "absent") mayBeAbsent = true;
        else matchers.push(expression);
        break;
      }
      case "string":
        matchers.push(exactly(reader.text()));
        break;
      case "number":
        matchers.push(numberEquals(Number(reader.text())));
        break;
      case "true":
      case "false":
        matchers.push((value) => value === (token === "true"));
        break;
      case "null":
        matchers.push((value) => value === null);
        break;
      default:
        throw reader.error("Match value must be String, number, true, false, or null");
    }
  }
  if (isEmpty) throw reader.error("Empty arrays are not allowed");
  return { matchers, mayBeAbsent };
}
