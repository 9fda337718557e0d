import type { Leaf } from "./matchers.ts";

/** One leaf of an event under its dotted name, with the element of each array it is in. */
export interface Occurrence {
  readonly value: Leaf;
  /** Array (by number, in order of appearance) → index of the element that holds the leaf. */
  readonly elements: ReadonlyMap<number, number>;
}

/** The leaves of an event by dotted name: `{"a": {"b": [1]}}` and `{"a.b": [1]}` are the same. */
export type EventFields = Pick<ReadonlyMap<string, readonly Occurrence[]>, "get">;

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

/**
 * The fields of an event on a bus, looked up as they are asked for: few rules ask for more than where it comes from.
 * @param event the names of its own members have no dots.
 */
export function lookUpFields(event: Readonly<Record<string, unknown>>): EventFields {
  let all: EventFields | undefined;
  return {
    get(name) {
      const found = lookUp(event, name);
      if (found === undefined) return [];
      if (isLeaf(found)) return [{ value: found, elements: inNoArray }];
      if (Array.isArray(found) && found.every(isLeaf))
        return found.map((value) => ({ value, elements: inNoArray }));
      all ??= eventFields(event);
      return all.get(name);
    },
  };
}

/** Stands for what has to be looked for in all of an event. */
const deeper = {};

const inNoArray: ReadonlyMap<number, number> = new Map();

/** What the member or the member's member of that name holds; an object if that is not all of it. */
function lookUp(event: Readonly<Record<string, unknown>>, name: string): unknown {
  const dot = name.indexOf(".");
  const first = dot < 0 ? name : name.slice(0, dot);
  const member = Object.hasOwn(event, first) ? event[first] : undefined;
  if (dot < 0) return member;
  if (typeof member !== "object" || member === null) return undefined;
  const second = name.slice(dot + 1);
  if (second.includes(".") || Array.isArray(member)) return deeper;
  return Object.hasOwn(member, second) ? Reflect.get(member, second) : undefined;
}

function isLeaf(value: unknown): value is Leaf {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
