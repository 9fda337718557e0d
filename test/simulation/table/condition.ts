import { type Names, type Operand, readOperand, readPath } from "./operand.ts";
import { type Tokens, tokenize } from "./tokens.ts";
import { compare, type Item, invalid, isEqual, type Value } from "./value.ts";

/** Whether a condition holds of an item. */
export type Condition = (item: Item, names: Names) => boolean;

/** A condition, and every `#name` and `:value` in it. */
export interface ParsedCondition {
  readonly holds: Condition;
  readonly references: readonly string[];
}

const parsed = new Map<string, ParsedCondition>();

/** Reads a condition; the same text is read once. @throws AwsError ValidationException. */
export function parseCondition(text: string): ParsedCondition {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const tokens = tokenize(text);
  const condition = { holds: readOr(tokens), references: tokens.references };
  if (tokens.peek() !== "") throw invalid(`Invalid expression: Syntax error; token: "${tokens.peek()}"`);
  parsed.set(text, condition);
  return condition;
}

function readOr(tokens: Tokens): Condition {
  const parts = [readAnd(tokens)];
  while (tokens.accept("OR")) parts.push(readAnd(tokens));
  return (item, names) => parts.some((part) => part(item, names));
}

function readAnd(tokens: Tokens): Condition {
  const parts = [readNot(tokens)];
  while (tokens.accept("AND")) parts.push(readNot(tokens));
  return (item, names) => parts.every((part) => part(item, names));
}

function readNot(tokens: Tokens): Condition {
  if (tokens.accept("NOT")) {
    const negated = readNot(tokens);
    return (item, names) => !negated(item, names);
  }
  if (tokens.accept("(")) {
    const inner = readOr(tokens);
    tokens.expect(")");
    return inner;
  }
  return readFunction(tokens) ?? readComparison(tokens);
}

function readFunction(tokens: Tokens): Condition | undefined {
  if (tokens.accept("ATTRIBUTE_EXISTS")) return readExists(tokens);
  if (tokens.accept("ATTRIBUTE_NOT_EXISTS")) {
    const exists = readExists(tokens);
    return (item, names) => !exists(item, names);
  }
  if (!tokens.accept("BEGINS_WITH")) return undefined;
  tokens.expect("(");
  const text = readOperand(tokens);
  tokens.expect(",");
  const beginning = readOperand(tokens);
  tokens.expect(")");
  return (item, names) => {
    const [whole, begin] = [text(item, names), beginning(item, names)];
    return (
      whole !== undefined &&
      begin !== undefined &&
      "S" in whole &&
      "S" in begin &&
      whole.S.startsWith(begin.S)
    );
  };
}

function readExists(tokens: Tokens): Condition {
  tokens.expect("(");
  const path = readPath(tokens);
  tokens.expect(")");
  return (item, names) => path.value(item, names) !== undefined;
}

const orders: Readonly<Record<string, (order: number) => boolean>> = {
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

function readComparison(tokens: Tokens): Condition {
  const left = readOperand(tokens);
  if (tokens.accept("BETWEEN")) return readBetween(tokens, left);
  const operator = tokens.take();
  const right = readOperand(tokens);
  const same: Condition = (item, names) => areEqual(left(item, names), right(item, names));
  if (operator === "=") return same;
  if (operator === "<>") return (item, names) => !same(item, names);
  const holds = orders[operator];
  if (holds === undefined) throw invalid(`Invalid expression: Syntax error; token: "${operator}"`);
  return (item, names) => {
    const order = compare(left(item, names), right(item, names));
    return order !== undefined && holds(order);
  };
}

function readBetween(tokens: Tokens, middle: Operand): Condition {
  const low = readOperand(tokens);
  tokens.expect("AND");
  const high = readOperand(tokens);
  return (item, names) => {
    const value = middle(item, names);
    const [above, below] = [compare(value, low(item, names)), compare(value, high(item, names))];
    return above !== undefined && below !== undefined && above >= 0 && below <= 0;
  };
}

function areEqual(one: Value | undefined, other: Value | undefined): boolean {
  return one !== undefined && other !== undefined && isEqual(one, other);
}
