import { type Names, type Operand, type Path, readOperand, readPath } from "./operand.ts";
import { type Tokens, tokenize } from "./tokens.ts";
import { type Item, invalid, type Value } from "./value.ts";

/** What an update makes of an item. Every operand is read from the item as it was before. */
export type Update = (item: Item, names: Names) => Item;

interface Step {
  readonly path: Path;
  /** Absent: the place is removed. */
  readonly operand?: Operand;
}

/** An update, and every `#name` and `:value` in it. */
export interface ParsedUpdate {
  readonly apply: Update;
  readonly references: readonly string[];
}

const parsed = new Map<string, ParsedUpdate>();

/** Reads an update of SET and REMOVE; the same text is read once. @throws AwsError ValidationException. */
export function parseUpdate(text: string): ParsedUpdate {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const tokens = tokenize(text);
  const steps: Step[] = [];
  while (tokens.peek() !== "") steps.push(...readClause(tokens));
  const apply: Update = (item, names) => {
    refuseOverlap(steps.map(({ path }) => path.parts(names)));
    let changed = { ...item };
    for (const { path, operand } of steps) {
      const value = operand?.(item, names);
      if (operand !== undefined && value === undefined)
        throw invalid("The provided expression refers to an attribute that does not exist in the item");
      const parts = path.parts(names);
      const [part = "", ...deeper] = parts;
      if (value !== undefined && deeper.length === 0) changed[part] = value;
      else changed = changeAt(changed, parts, value);
    }
    return changed;
  };
  const update = { apply, references: tokens.references };
  parsed.set(text, update);
  return update;
}

function readClause(tokens: Tokens): Step[] {
  const steps: Step[] = [];
  if (tokens.accept("SET")) {
    do {
      const path = readPath(tokens);
      tokens.expect("=");
      steps.push({ path, operand: readNewValue(tokens) });
    } while (tokens.accept(","));
    return steps;
  }
  tokens.expect("REMOVE");
  do steps.push({ path: readPath(tokens) });
  while (tokens.accept(","));
  return steps;
}

function readNewValue(tokens: Tokens): Operand {
  const left = readTerm(tokens);
  const sign = tokens.accept("+") ? 1 : tokens.accept("-") ? -1 : 0;
  if (sign === 0) return left;
  const right = readTerm(tokens);
  return (item, names) => {
    const [one, other] = [left(item, names), right(item, names)];
    if (one === undefined) return undefined;
    if (other === undefined || !("N" in one) || !("N" in other))
      throw invalid("An operand in the update expression has an incorrect data type");
    return { N: String(Number(one.N) + sign * Number(other.N)) };
  };
}

function readTerm(tokens: Tokens): Operand {
  if (!tokens.accept("IF_NOT_EXISTS")) return readOperand(tokens);
  tokens.expect("(");
  const path = readPath(tokens);
  tokens.expect(",");
  const otherwise = readOperand(tokens);
  tokens.expect(")");
  return (item, names) => {
    const fallback = otherwise(item, names);
    return path.value(item, names) ?? fallback;
  };
}

function changeAt(item: Item, [part = "", ...deeper]: readonly string[], value: Value | undefined): Item {
  if (deeper.length > 0) {
    const inner = item[part];
    if (inner === undefined || !("M" in inner))
      throw invalid("The document path provided in the update expression is invalid for update");
    return { ...item, [part]: { M: changeAt(inner.M, deeper, value) } };
  }
  if (value !== undefined) return { ...item, [part]: value };
  const { [part]: _, ...rest } = item;
  return rest;
}

function refuseOverlap(paths: readonly (readonly string[])[]): void {
  for (const [at, path] of paths.entries())
    for (const other of paths.slice(at + 1))
      if (path.every((part, depth) => depth >= other.length || part === other[depth]))
        throw invalid(
          `Invalid UpdateExpression: Two document paths overlap with each other: ${path.join(".")}, ${other.join(".")}`,
        );
}
