import type { Leaf } from "./matchers.ts";

/** One leaf of an event under its dotted name, with the element of each array it is in. */
export interface Occurrence {
  readonly value: Leaf;
  /** Array (by number, in order of appearance) → index of the element that holds the leaf. */
  readonly elements: ReadonlyMap<number, number>;
}

/** The leaves of an event by dotted name: `{"a": {"b": [1]}}` and `{"a.b": [1]}` are the same. */
export type EventFields = ReadonlyMap<string, readonly Occurrence[]>;

/** Flattens an event. Empty objects and arrays have no leaves, so nothing in them exists. */
export function eventFields(event: unknown): EventFields {
  const fields = new Map<string, Occurrence[]>();
  let arrays = 0;

  const add = (name: string, value: Leaf, elements: ReadonlyMap<number, number>) => {
    const occurrences = fields.get(name);
    if (occurrences) occurrences.push({ value, elements });
    else fields.set(name, [{ value, elements }]);
  };

  const visit = (name: string, value: unknown, elements: ReadonlyMap<number, number>): void => {
    if (Array.isArray(value)) {
      const array = arrays++;
      for (const [index, element] of value.entries()) {
        // Plain values of an array are alternatives of one field; only structured elements bind fields together.
        const isStructured = typeof element === "object" && element !== null;
        visit(name, element, isStructured ? new Map([...elements, [array, index]]) : elements);
      }
    } else if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        visit(name === "" ? key : `${name}.${key}`, member, elements);
      }
    } else if (isLeaf(value)) {
      add(name, value, elements);
    }
  };

  visit("", event, new Map());
  return fields;
}

function isLeaf(value: unknown): value is Leaf {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
