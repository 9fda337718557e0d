import * as z from "zod/mini";

const compiled = new WeakSet<object>();

/**
 * Has Zod compile the objects in a schema, as its full build does with every one; `zod/mini` leaves that out, because
 * who starts a function reads few. What a schema says yes or no to stays the same.
 */
export function compile(schema: unknown): void {
  if (!(schema instanceof z.core.$ZodType) || compiled.has(schema)) return;
  compiled.add(schema);
  const { _zod: inner } = schema;
  if (schema instanceof z.core.$ZodObject) {
    const { run, parse } = inner;
    z.core.$ZodObjectJIT.init(schema, schema._zod.def);
    if (run === parse) inner.run = inner.parse;
  }
  for (const part of Object.values(inner.def).flatMap(partsOf)) compile(part);
}

/** What a schema may keep its parts in: as they are, in a list, or in an object by their names. */
function partsOf(member: unknown): unknown[] {
  if (member instanceof z.core.$ZodType || typeof member !== "object" || member === null) return [member];
  return Object.values(member);
}
