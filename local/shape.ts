import type { $Schema, $SchemaRef, StaticOperationSchema } from "@smithy/types";
import { AwsError } from "./service.ts";

/**
 * Checks a parsed JSON value against a schema of an SDK client (facts of the encoding: `@smithy/types`,
 * `schema/static-schemas` and `schema/sentinels`), as far as the schema tells.
 * Throws SerializationException where a value has the wrong type, and ValidationException where required
 * members are missing. Members that the schema does not know are let through; the codec drops them.
 */
export function checkShape(schema: $SchemaRef, value: unknown): void {
  const missing: string[] = [];
  walk(schema, value, "", missing);
  if (missing.length === 0) return;
  const found = missing.map(
    (path) => `Value null at '${path}' failed to satisfy constraint: Member must not be null`,
  );
  const count = `${missing.length} validation error${missing.length === 1 ? "" : "s"} detected`;
  throw new AwsError("ValidationException", `${count}: ${found.join("; ")}`);
}

/** Follows a lazy reference to the schema itself. */
export function derefSchema(reference: $SchemaRef): $Schema {
  let schema = reference;
  while (typeof schema === "function") schema = schema();
  return schema;
}

/** Finds the schemas of the operations that an SDK client's module exports, by their names. */
export function operationSchemas(schemas: object): ReadonlyMap<string, StaticOperationSchema> {
  const operations = new Map<string, StaticOperationSchema>();
  for (const value of Object.values(schemas)) if (isOperationSchema(value)) operations.set(value[2], value);
  return operations;
}

function isOperationSchema(value: unknown): value is StaticOperationSchema {
  return Array.isArray(value) && value[0] === 9 && typeof value[2] === "string" && value.length >= 6;
}

/** What a schema says a value must be; undefined for what is not checked (documents, big numbers). */
export type Shape =
  | { kind: "list"; item: $SchemaRef }
  | { kind: "map"; entry: $SchemaRef }
  | { kind: "structure"; members: readonly string[]; schemas: readonly $SchemaRef[]; required: number }
  | { kind: "simple"; wanted: string; holds: (value: unknown) => boolean };

const LIST_MODIFIER = 64;
const MAP_MODIFIER = 128;
/** The last second of a Date (ECMAScript, "time values"). */
const LATEST_SECONDS = 8.64e12;

export function shapeOf(reference: $SchemaRef): Shape | undefined {
  const schema: unknown = derefSchema(reference);
  if (typeof schema === "number") {
    if (schema >= MAP_MODIFIER) return { kind: "map", entry: schema - MAP_MODIFIER };
    if (schema >= LIST_MODIFIER) return { kind: "list", item: schema - LIST_MODIFIER };
    return simpleShape(schema);
  }
  if (!Array.isArray(schema)) return undefined;
  // A pair is a member: its schema and its traits.
  if (schema.length === 2) return shapeOf(schema[0]);
  switch (schema[0]) {
    case 0:
      return shapeOf(schema[4]);
    case 1:
      return { kind: "list", item: schema[4] };
    case 2:
      return { kind: "map", entry: schema[5] };
    case 3:
    case 4:
    case -3:
      // Required members come first; the seventh element tells how many they are.
      return { kind: "structure", members: schema[4], schemas: schema[5], required: schema[6] ?? 0 };
    default:
      return undefined;
  }
}

function simpleShape(code: number): Shape | undefined {
  switch (code) {
    case 0:
      return { kind: "simple", wanted: "String", holds: (value) => typeof value === "string" };
    case 1:
      return { kind: "simple", wanted: "Number", holds: isNumeric };
    case 2:
      return { kind: "simple", wanted: "Boolean", holds: (value) => typeof value === "boolean" };
    case 4:
    case 5:
    case 6:
    case 7:
      return { kind: "simple", wanted: "Timestamp", holds: isTimestamp };
    case 21:
      return { kind: "simple", wanted: "Blob (base64)", holds: isBase64 };
    default:
      return undefined;
  }
}

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || value === "NaN" || value === "Infinity" || value === "-Infinity";
}

/** Seconds since the epoch that a Date can hold. */
function isTimestamp(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= LATEST_SECONDS;
}

function isBase64(value: unknown): boolean {
  return typeof value === "string" && value.length % 4 === 0 && !/[^A-Za-z0-9+/=]/.test(value);
}

function walk(schema: $SchemaRef, value: unknown, path: string, missing: string[]): void {
  const shape = shapeOf(schema);
  if (!shape || value === null) return;
  const inner = path === "" ? "" : `${path}.`;
  switch (shape.kind) {
    case "simple":
      if (!shape.holds(value)) throw wrongType(value, shape.wanted, path);
      return;
    case "list":
      if (!Array.isArray(value)) throw wrongType(value, "List", path);
      for (const [index, item] of value.entries()) {
        walkItem(shape.item, item, `${inner}${index + 1}.member`, missing);
      }
      return;
    case "map":
      if (!isRecord(value)) throw wrongType(value, "Map", path);
      for (const [key, entry] of Object.entries(value)) {
        walkItem(shape.entry, entry, `${inner}${key}`, missing);
      }
      return;
    case "structure":
      if (!isRecord(value)) throw wrongType(value, "Structure", path);
      for (const [index, name] of shape.members.entries()) {
        const member = Object.hasOwn(value, name) ? value[name] : undefined;
        const absent = member === undefined || member === null;
        if (absent && index < shape.required) missing.push(`${inner}${lowerFirst(name)}`);
        const memberSchema = shape.schemas[index];
        if (!absent && memberSchema !== undefined) {
          walk(memberSchema, member, `${inner}${lowerFirst(name)}`, missing);
        }
      }
  }
}

/** A list or a map has no gaps: the services here have no sparse ones. */
function walkItem(schema: $SchemaRef, value: unknown, path: string, missing: string[]): void {
  if (value === null) missing.push(path);
  else walk(schema, value, path, missing);
}

function wrongType(value: unknown, wanted: string, path: string): AwsError {
  const place = path === "" ? "the request" : `'${path}'`;
  return new AwsError(
    "SerializationException",
    `${kindOf(value)} can not be converted to a ${wanted} at ${place}`,
  );
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "LIST_VALUE";
  if (typeof value === "boolean") return value ? "TRUE_VALUE" : "FALSE_VALUE";
  if (typeof value === "number") return "NUMBER_VALUE";
  return typeof value === "string" ? "STRING_VALUE" : "STRUCT_VALUE";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** AWS's validation messages name members in lower camel case, whatever the API calls them. */
function lowerFirst(name: string): string {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}
