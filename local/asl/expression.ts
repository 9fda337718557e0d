import jsonata from "jsonata";
import type { Clock, Random } from "./clock.ts";
import { QueryEvaluationError } from "./failure.ts";
import type { Json, JsonObject } from "./json.ts";
import { isObject, typeName } from "./json.ts";
import type { QueryHost } from "./query-functions.ts";
import { HOST, hostOf, registerQueryFunctions } from "./query-functions.ts";

/** What an expression sees: `$states`, the variables in scope, and the execution's time and randomness. */
export interface QueryScope {
  readonly states: JsonObject;
  readonly clock: Clock;
  readonly random: Random;
  variable(name: string): Json | undefined;
}

/** A JSONata expression, compiled once. */
export interface Expression {
  /** The text between `{%` and `%}`, trimmed, as AWS quotes it. */
  readonly text: string;
  /** Gives a plain JSON value; throws QueryEvaluationError with AWS's words. `location` is the field it stands in. */
  evaluate(scope: QueryScope, location: string): Json | Promise<Json>;
}

/** An expression that cannot be compiled. The message says what is wrong with it. */
export class ExpressionSyntaxError extends Error {
  override readonly name = "ExpressionSyntaxError";
}

/**
 * AWS publishes no limits of evaluation; without any, `($f := function() { $f() }; $f())` would never end.
 * They count steps, not time, so that the same expression ends in the same way on every machine.
 */
const STEP_LIMIT = 500_000;
const DEPTH_LIMIT = 2_000;
/** The items of all arrays that an evaluation makes, intermediate ones too: some 200 MB at the most. */
const ITEM_LIMIT = 10_000_000;

/** A node of JSONata's syntax tree. */
interface Node {
  readonly [member: string]: unknown;
}

/** Compiles `text` (without `{%` and `%}`); throws ExpressionSyntaxError. */
export function compileExpression(text: string): Expression {
  const compiled = parse(text);
  const tree: Node = { ...compiled.ast() };
  const found = inspect(tree);
  if (found.readsRoot) {
    throw new ExpressionSyntaxError(
      "'$' and '$$' are not available at the top level of an expression; use $states.input",
    );
  }
  if (found.names.has("eval")) throw new ExpressionSyntaxError("the function $eval is not supported");
  const direct = directPath(tree);
  const evaluate = evaluator(compiled, text, found);
  if (!direct) return { text, evaluate };
  return {
    text,
    evaluate: (scope, location) => {
      const value = readPath(direct, scope);
      return value === undefined ? evaluate(scope, location) : value;
    },
  };
}

function parse(text: string): jsonata.Expression {
  try {
    return jsonata(text);
  } catch (error) {
    throw new ExpressionSyntaxError(describe(error));
  }
}

function evaluator(compiled: jsonata.Expression, text: string, found: Inspection) {
  registerQueryFunctions(compiled, found.names);
  // Any other expression does work in proportion to its text and its input, and runs faster unwatched.
  if (found.canGrow) installBudget(compiled);
  const variables = [...found.names].filter((name) => name !== "states" && name !== "" && name !== "$");
  return async (scope: QueryScope, location: string): Promise<Json> => {
    const host: QueryHost = { clock: scope.clock, random: scope.random, steps: 0, depth: 0, items: 0 };
    const bindings: Record<string, unknown> = { states: scope.states, [HOST]: host };
    for (const name of variables) {
      const value = scope.variable(name);
      if (value !== undefined) bindings[name] = value;
    }
    return plainResult(await run(compiled, bindings, text, location), text, location);
  };
}

type Hook = (node: unknown, input: unknown, at: jsonata.Environment, result: unknown) => void;

function installBudget(compiled: jsonata.Expression): void {
  // JSONata calls hooks around each step; they are named by symbols, which its declared types leave out.
  const assign = (name: symbol, hook: Hook) => Reflect.apply(compiled.assign, compiled, [name, hook]);
  assign(Symbol.for("jsonata.__evaluate_entry"), (_node, _input, at) => {
    const host = hostOf(at);
    host.steps += 1;
    host.depth += 1;
    if (host.depth > DEPTH_LIMIT) throw new Error(`The evaluation is nested more than ${DEPTH_LIMIT} deep.`);
    if (host.steps > STEP_LIMIT) throw new Error(`The evaluation took more than ${STEP_LIMIT} steps.`);
  });
  assign(Symbol.for("jsonata.__evaluate_exit"), (_node, _input, at, result) => {
    const host = hostOf(at);
    host.depth -= 1;
    if (Array.isArray(result)) host.items += result.length;
    if (host.items > ITEM_LIMIT) throw new Error(`The evaluation made more than ${ITEM_LIMIT} items.`);
  });
}

async function run(
  compiled: jsonata.Expression,
  bindings: Record<string, unknown>,
  text: string,
  location: string,
): Promise<unknown> {
  try {
    return await compiled.evaluate(undefined, bindings);
  } catch (error) {
    throw new QueryEvaluationError(
      `${subject(text, location)} threw an error during evaluation. ${describe(error)}`,
      location,
    );
  }
}

function plainResult(value: unknown, text: string, location: string): Json {
  if (value === undefined) {
    throw new QueryEvaluationError(`${subject(text, location)} returned nothing (undefined).`, location);
  }
  const plain = toJson(value);
  if (plain === undefined) {
    throw new QueryEvaluationError(
      `${subject(text, location)} returned an unsupported result type.`,
      location,
    );
  }
  return plain;
}

/** Copies a JSONata result into plain JSON, without the marks of JSONata's sequences; undefined if it holds a function. */
function toJson(value: unknown): Json | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value) {
      const plain = item === undefined ? null : toJson(item);
      if (plain === undefined) return undefined;
      items.push(plain);
    }
    return items;
  }
  if (isFunctionObject(value)) return undefined;
  const members: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const plain = toJson(member);
    if (plain === undefined) return undefined;
    setMember(members, name, plain);
  }
  return members;
}

/** Plain assignment to `__proto__` would change the object's prototype instead of adding a member. */
export function setMember(members: Record<string, Json>, name: string, value: Json): void {
  if (name === "__proto__") {
    Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
  } else members[name] = value;
}

function isFunctionObject(value: object): boolean {
  return "_jsonata_function" in value || "_jsonata_lambda" in value;
}

/** "The JSONata expression '…' specified for the field '…'", with which AWS begins these messages. */
function subject(text: string, location: string): string {
  return `The JSONata expression '${text}' specified for the field '${location}'`;
}

/** The error of an expression whose result has another type than its field expects. */
export function unexpectedType(text: string, location: string, expected: string, value: Json) {
  const was = `Expected '${expected}', but was '${typeName(value)}' for value: ${JSON.stringify(value)}`;
  return new QueryEvaluationError(
    `${subject(text, location)} returned an unexpected result type. ${was}`,
    location,
  );
}

/** The error of an expression whose result has the right type but not an allowed value. */
export function outOfRange(text: string, location: string, allowed: string, value: Json) {
  return new QueryEvaluationError(
    `${subject(text, location)} returned a value out of range. Expected ${allowed}, but was: ${JSON.stringify(value)}`,
    location,
  );
}

/** JSONata throws objects with a code ("T1006") and a message. */
function describe(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : "";
  const message = "message" in error && typeof error.message === "string" ? error.message : String(error);
  return code + message;
}

interface Inspection {
  /** Every `$name` that occurs, functions and variables alike, without `$`. */
  readonly names: ReadonlySet<string>;
  /** Whether its work can be out of proportion to text and input: it has functions, ranges or nested loops. */
  readonly canGrow: boolean;
  /** Whether `$` or `$$` stands where no step, predicate or sort gives it a value. */
  readonly readsRoot: boolean;
}

function inspect(tree: Node): Inspection {
  const names = new Set<string>();
  let canGrow = false;
  let readsRoot = false;
  const visit = (value: unknown, isInner: boolean): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, isInner);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    const node: Node = { ...value };
    if (GROWING_TYPES.has(String(node.type)) || node.value === "..") canGrow = true;
    if (node.type === "variable" && typeof node.value === "string") {
      names.add(node.value);
      const isItem = node.value === "" || node.value === "$";
      if (isItem && !isInner) readsRoot = true;
      // A variable read anew for each item makes the work quadratic, or worse.
      if (!isItem && isInner) canGrow = true;
    }
    for (const [member, child] of Object.entries(node)) {
      if (member === "steps" && Array.isArray(child)) {
        child.forEach((step, index) => {
          visit(step, isInner || index > 0);
        });
      } else visit(child, isInner || REBINDING_MEMBERS.has(member) || node.type === "transform");
    }
  };
  visit(tree, false);
  return { names, canGrow, readsRoot };
}

/** A path of several `**` visits each descendant once for each of its ancestors. */
const GROWING_TYPES: ReadonlySet<string> = new Set(["lambda", "partial", "descendant"]);

/** The members of a node of JSONata's tree inside which `$` is the item at hand. */
const REBINDING_MEMBERS: ReadonlySet<string> = new Set(["predicate", "stages", "group", "terms"]);

interface DirectPath {
  readonly variable: string;
  readonly names: readonly string[];
}

/** `$variable.name.name`, the commonest expression by far, which can be read without JSONata's evaluator. */
function directPath(tree: Node): DirectPath | undefined {
  const steps = tree.type === "path" && Object.keys(tree).length === 2 ? tree.steps : [tree];
  if (!Array.isArray(steps)) return undefined;
  const [first, ...rest] = steps;
  if (!isPlain(first, "variable") || !rest.every((step) => isPlain(step, "name"))) return undefined;
  return { variable: String(first.value), names: rest.map((step) => String(step.value)) };
}

function isPlain(node: Node | undefined, type: string): node is Node {
  // Predicates, stages, bindings and [] would be further members.
  return node?.type === type && Object.keys(node).every((key) => ["type", "value", "position"].includes(key));
}

/** The value at `path` if only objects lie on the way; undefined leaves the rest to JSONata. */
function readPath(path: DirectPath, scope: QueryScope): Json | undefined {
  let value = path.variable === "states" ? scope.states : scope.variable(path.variable);
  for (const name of path.names) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
