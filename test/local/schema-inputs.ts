import type { $SchemaRef } from "@smithy/types";
import fc from "fast-check";
import { shapeOf } from "../../local/shape.ts";

type Arbitrary = fc.Arbitrary<unknown>;

/** How deep structures go in one another. */
const DEEPEST = 5;

/**
 * Inputs of an operation by the schema of its SDK client: of the right shape mostly, of any other now and then.
 * @param text what stands where text belongs.
 */
export function inputsOf(schema: $SchemaRef, text: fc.Arbitrary<string>, depth = 0): Arbitrary {
  const shape = depth > DEEPEST ? undefined : shapeOf(schema);
  const wrong = fc.oneof(fc.constantFrom(null, 7, -1, "", true, 1e300, [], {}, [[]]), text);
  if (shape === undefined) return wrong;
  const inner = (reference: $SchemaRef) => inputsOf(reference, text, depth + 1);
  const mostly = (right: Arbitrary) =>
    fc.oneof({ weight: 20, arbitrary: right }, { weight: 1, arbitrary: wrong });
  switch (shape.kind) {
    case "list":
      return mostly(fc.array(inner(shape.item), { maxLength: 3 }));
    case "map":
      return mostly(fc.array(fc.tuple(text, inner(shape.entry)), { maxLength: 3 }).map(Object.fromEntries));
    case "structure":
      return mostly(membersOf(shape, inner));
    case "simple":
      return mostly(simple(shape.wanted, text));
  }
}

function membersOf(
  {
    members,
    schemas,
    required,
  }: { members: readonly string[]; schemas: readonly $SchemaRef[]; required: number },
  inner: (reference: $SchemaRef) => Arbitrary,
): Arbitrary {
  const known = members.map((name, index): [string, Arbitrary] => {
    const value = inner(schemas[index] ?? 15);
    const often = index < required ? 12 : 1;
    return [
      name,
      fc.oneof({ weight: often, arbitrary: value }, { weight: 1, arbitrary: fc.constant(undefined) }),
    ];
  });
  return fc.record(Object.fromEntries(known));
}

function simple(wanted: string, text: fc.Arbitrary<string>): Arbitrary {
  switch (wanted) {
    case "Number":
      return fc.oneof(fc.integer({ min: -2, max: 1100 }), fc.double({ noNaN: true }), fc.constant("NaN"));
    case "Boolean":
      return fc.boolean();
    case "Timestamp":
      return fc.oneof(fc.integer({ min: 0, max: 2e9 }), fc.constantFrom(-8.64e12, 8.64e12, 0.5));
    case "String":
      return text;
    default:
      return fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64"));
  }
}
