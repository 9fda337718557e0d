import jsonata from "jsonata";

/** What an expression reads. */
export interface Reads {
  /** Variables that it does not bind itself, without `$states`. */
  readonly variables: ReadonlySet<string>;
  /** Members of `$states`: input, result, errorOutput, context. */
  readonly states: ReadonlySet<string>;
  /** Functions that neither JSONata nor Step Functions has. */
  readonly unknownFunctions: ReadonlySet<string>;
}

/** JSONata's own functions, less `eval`, which Step Functions takes away, and those that Step Functions adds. */
const functions = new Set(
  `sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match
  contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power
  random boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each error assert
  type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl toMillis
  fromMillis clone now millis partition range hash uuid parse`.split(/\s+/),
);

/** Reads every `{% … %}` in a value of a state. @throws whatever JSONata says of one that it cannot parse. */
export function readsOf(value: unknown): Reads {
  const variables = new Set<string>();
  const states = new Set<string>();
  const unknownFunctions = new Set<string>();
  for (const expression of expressionsIn(value)) {
    const bound = new Set<string>();
    const used = new Set<string>();
    walk(jsonata(expression).ast(), (node) => {
      if (node.type === "bind") bound.add(text(node.lhs, "value"));
      if (node.type === "lambda")
        for (const argument of list(node.arguments)) bound.add(text(argument, "value"));
      if (node.type === "function" || node.type === "partial") {
        const name = text(node.procedure, "value");
        if (text(node.procedure, "type") === "variable" && !functions.has(name)) unknownFunctions.add(name);
        return [...list(node.arguments)];
      }
      if (node.type === "path") {
        const [first, second] = list(node.steps);
        if (text(first, "type") === "variable" && text(first, "value") === "states")
          states.add(text(second, "value"));
      }
      if (node.type === "variable" && node.value !== "") used.add(text(node, "value"));
      return Object.values(node);
    });
    for (const name of used) if (!bound.has(name) && name !== "states" && name !== "$") variables.add(name);
    for (const name of bound) unknownFunctions.delete(name);
  }
  return { variables, states, unknownFunctions };
}

function expressionsIn(value: unknown): string[] {
  if (typeof value === "string") {
    const match = /^\{%([\s\S]*)%\}$/.exec(value);
    return match?.[1] === undefined ? [] : [match[1]];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(expressionsIn) : [];
}

type Node = Readonly<Record<string, unknown>>;

/** Visits a tree; the visitor says where to go on. */
function walk(value: unknown, visit: (node: Node) => unknown[]): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  else if (isNode(value)) for (const next of visit(value)) walk(next, visit);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown, member: string): string {
  const found = isNode(value) ? value[member] : undefined;
  return typeof found === "string" ? found : "";
}
