import { isReserved } from "./reserved.ts";
import type { Tokens } from "./tokens.ts";
import { type Item, invalid, type Value } from "./value.ts";

/** What `#name` and `:value` stand for in one request. */
export interface Names {
  name(reference: string): string;
  value(reference: string): Value;
}

/** Something that has a value in an item, or has none. */
export type Operand = (item: Item, names: Names) => Value | undefined;

/** A place in an item: `lease.fence`. */
export interface Path {
  parts(names: Names): string[];
  value: Operand;
}

/**
 * The names and values of a request.
 * @param references what its expressions use.
 * @throws AwsError ValidationException if one of them is not defined, or if one is defined and not used.
 */
export function createNames(
  names: Readonly<Record<string, string>>,
  values: Item,
  references: readonly string[],
): Names {
  const defined = [...Object.keys(names), ...Object.keys(values)];
  const missing = references.find((reference) => !defined.includes(reference));
  if (missing !== undefined) throw invalid(`Invalid expression: ${missing} is used in it and not defined`);
  const unused = defined.find((reference) => !references.includes(reference));
  if (unused !== undefined) throw invalid(`Value provided but unused in expressions: ${unused}`);
  return {
    name: (reference) => (reference.startsWith("#") ? (names[reference] ?? "") : reference),
    value: (reference) => values[reference] ?? { NULL: true },
  };
}

export function readPath(tokens: Tokens): Path {
  const words = [tokens.take()];
  while (tokens.accept(".")) words.push(tokens.take());
  const stray = words.find((word) => !/^#?[A-Za-z_0-9]+$/.test(word));
  if (stray !== undefined) throw invalid(`Invalid expression: Syntax error; token: "${stray}"`);
  const reserved = words.find(isReserved);
  if (reserved !== undefined)
    throw invalid(`Attribute name is a reserved keyword; reserved keyword: ${reserved}`);
  const parts = (names: Names) => words.map(names.name);
  return { parts, value: (item, names) => valueAt(item, parts(names)) };
}

function valueAt(item: Item, parts: readonly string[]): Value | undefined {
  let value: Value | undefined = { M: item };
  for (const part of parts) value = value !== undefined && "M" in value ? value.M[part] : undefined;
  return value;
}

export function readOperand(tokens: Tokens): Operand {
  if (!tokens.peek().startsWith(":")) return readPath(tokens).value;
  const reference = tokens.take();
  return (_item, names) => names.value(reference);
}
