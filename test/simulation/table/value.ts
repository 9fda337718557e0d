import { AwsError } from "../../../local/service.ts";

/** An attribute's value as DynamoDB's JSON writes it; the types that records are made of. */
export type Value =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly L: readonly Value[] }
  | { readonly M: Item };
export type Item = { readonly [attribute: string]: Value };

export function invalid(message: string): AwsError {
  return new AwsError("ValidationException", message);
}

/** @throws AwsError ValidationException, also for the types that this table does not have: binary and sets. */
export function readItem(json: unknown): Item {
  if (typeof json !== "object" || json === null) throw invalid("An item is a map of attributes.");
  const item: Record<string, Value> = {};
  for (const [name, value] of Object.entries(json)) item[name] = readValue(value);
  return item;
}

function readValue(json: unknown): Value {
  const [member, ...more] = typeof json === "object" && json !== null ? Object.entries(json) : [];
  if (member === undefined || more.length > 0)
    throw invalid("Supplied AttributeValue must contain exactly one of the supported datatypes");
  const [type, value] = member;
  if (type === "S" && typeof value === "string") return { S: value };
  if (type === "N" && typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)))
    return { N: String(Number(value)) };
  if (type === "BOOL" && typeof value === "boolean") return { BOOL: value };
  if (type === "NULL" && value === true) return { NULL: true };
  if (type === "L" && Array.isArray(value)) return { L: value.map(readValue) };
  if (type === "M") return { M: readItem(value) };
  throw invalid(`The table in memory has no values of the type ${type}, or this one is not one.`);
}

export function isEqual(one: Value, other: Value): boolean {
  if ("S" in one) return "S" in other && one.S === other.S;
  if ("N" in one) return "N" in other && one.N === other.N;
  if ("BOOL" in one) return "BOOL" in other && one.BOOL === other.BOOL;
  if ("NULL" in one) return "NULL" in other;
  if ("L" in one)
    return (
      "L" in other &&
      one.L.length === other.L.length &&
      one.L.every((value, at) => isSame(value, other.L[at]))
    );
  const names = Object.keys(one.M);
  return (
    "M" in other &&
    names.length === Object.keys(other.M).length &&
    names.every((name) => isSame(one.M[name], other.M[name]))
  );
}

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  return one !== undefined && other !== undefined && isEqual(one, other);
}

/** Below zero if `one` comes first, as sort keys do; undefined if the two cannot be compared. */
export function compare(one: Value | undefined, other: Value | undefined): number | undefined {
  if (one === undefined || other === undefined) return undefined;
  if ("N" in one && "N" in other) return Number(one.N) - Number(other.N);
  if ("S" in one && "S" in other) return Buffer.compare(Buffer.from(one.S), Buffer.from(other.S));
  return undefined;
}
