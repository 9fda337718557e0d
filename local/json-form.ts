import type { $SchemaRef } from "@smithy/types";
import { derefSchema } from "./shape.ts";

/** Makes of a value what is written of it in JSON. */
export type Form = (value: unknown) => unknown;

const LIST_MODIFIER = 64;
const MAP_MODIFIER = 128;

const asItIs: Form = (value) => value;
/** JSON has no words for what is no number, or endless. */
const ofNumber: Form = (value) =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
const ofTime: Form = (value) => (value instanceof Date ? value.getTime() / 1000 : value);
const ofBytes: Form = (value) =>
  typeof value === "string" || value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;

/** By the codes of `@smithy/types`, `schema/sentinels`. */
const simple: Readonly<Record<number, Form>> = {
  0: asItIs,
  1: ofNumber,
  2: asItIs,
  4: ofTime,
  7: ofTime,
  21: ofBytes,
};

/** Forms of structures that are being made: one may hold others of its kind. */
type Made = Map<unknown, Form>;

class NoForm extends Error {}

/**
 * How values of a schema (its encoding is that of `local/shape.ts`) are written in AWS's JSON: as the SDK's own
 * serializer writes them, which goes through each text letter by letter.
 * @returns undefined if there is something in the schema that is not known here, such as documents.
 */
export function formOf(schema: $SchemaRef): Form | undefined {
  try {
    return make(schema, new Map());
  } catch (error) {
    if (error instanceof NoForm) return undefined;
    throw error;
  }
}

function make(reference: $SchemaRef, made: Made): Form {
  const schema: unknown = derefSchema(reference);
  if (typeof schema === "number") {
    if (schema >= MAP_MODIFIER) return ofMap(make(schema - MAP_MODIFIER, made));
    if (schema >= LIST_MODIFIER) return ofList(make(schema - LIST_MODIFIER, made));
    return simple[schema] ?? none();
  }
  if (!Array.isArray(schema)) return none();
  // A pair is a member: its schema and its traits.
  if (schema.length === 2) return make(schema[0], made);
  switch (schema[0]) {
    case 0:
      return make(schema[4], made);
    case 1:
      return ofList(make(schema[4], made));
    case 2:
      return ofMap(make(schema[5], made));
    case 3:
    case 4:
      return made.get(schema) ?? ofStructure(schema, schema[4], schema[5], made);
    default:
      return none();
  }
}

function none(): never {
  throw new NoForm();
}

/** Lists and maps of AWS's have no gaps: what is not there is left out. */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function ofList(form: Form): Form {
  return (value) => {
    if (!Array.isArray(value)) return value;
    const items = value.every(isThere) ? value : value.filter(isThere);
    return form === asItIs ? items : items.map((one) => form(one));
  };
}

function ofMap(form: Form): Form {
  return (value) => {
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([, one]) => isThere(one));
    return Object.fromEntries(entries.map(([key, one]) => [key, form(one)]));
  };
}

function ofStructure(
  schema: unknown,
  names: readonly string[],
  schemas: readonly $SchemaRef[],
  made: Made,
): Form {
  const members: (readonly [name: string, form: Form])[] = [];
  const form: Form = (value) => {
    if (typeof value !== "object" || value === null) return value;
    const written: Record<string, unknown> = {};
    for (const [name, formOfMember] of members) {
      const member: unknown = Reflect.get(value, name);
      if (isThere(member)) written[name] = formOfMember(member);
    }
    return written;
  };
  made.set(schema, form);
  for (const [nth, member] of schemas.entries()) members.push([names[nth] ?? "", make(member, made)]);
  return form;
}
