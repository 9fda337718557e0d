import type { Expression, QueryScope } from "./expression.ts";
import { compileExpression, ExpressionSyntaxError, setMember } from "./expression.ts";
import type { Json } from "./json.ts";
import { isObject } from "./json.ts";

/** A field of a definition whose strings may be expressions: `{"image": "{% $states.input.image %}"}`. */
export type Template =
  | { readonly kind: "constant"; readonly value: Json }
  | { readonly kind: "expression"; readonly expression: Expression; readonly location: string }
  | { readonly kind: "array"; readonly items: readonly Template[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [name: string, template: Template])[] };

/**
 * Compiles the value of a field. `location` is the field's name, by which errors of evaluation call it:
 * "Output", "Output/result", "Arguments/items[0]". `report` is told of strings that are no valid expression.
 */
export function compileTemplate(value: Json, location: string, report: (problem: string) => void): Template {
  if (typeof value === "string") return compileString(value, location, report);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileTemplate(item, `${location}[${index}]`, report));
    return isConstant(items) ? { kind: "constant", value } : { kind: "array", items };
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(
      ([name, member]) => [name, compileTemplate(member, `${location}/${name}`, report)] as const,
    );
    const isAllConstant = isConstant(members.map(([, member]) => member));
    return isAllConstant ? { kind: "constant", value } : { kind: "object", members };
  }
  return { kind: "constant", value };
}

function isConstant(templates: readonly Template[]): boolean {
  return templates.every((template) => template.kind === "constant");
}

function compileString(value: string, location: string, report: (problem: string) => void): Template {
  const opens = value.startsWith("{%");
  const closes = value.endsWith("%}");
  if (!opens && !closes) return { kind: "constant", value };
  if (!(opens && closes && value.length >= 4)) {
    report("A JSONata expression must start with '{%' and end with '%}', without spaces around them");
    return { kind: "constant", value };
  }
  try {
    return { kind: "expression", expression: compileExpression(value.slice(2, -2).trim()), location };
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error;
    report(`The JSONata expression is not valid: ${error.message}`);
    return { kind: "constant", value };
  }
}

/** Evaluates a field; throws QueryEvaluationError for the first expression, in order, that fails. */
export function evaluateTemplate(template: Template, scope: QueryScope): Json | Promise<Json> {
  switch (template.kind) {
    case "constant":
      return template.value;
    case "expression":
      return template.expression.evaluate(scope, template.location);
    case "array":
      return evaluateItems(template.items, scope);
    case "object":
      return evaluateMembers(template.members, scope);
  }
}

async function evaluateItems(items: readonly Template[], scope: QueryScope): Promise<Json> {
  const values: Json[] = [];
  for (const item of items) values.push(await evaluateTemplate(item, scope));
  return values;
}

async function evaluateMembers(
  members: readonly (readonly [string, Template])[],
  scope: QueryScope,
): Promise<Json> {
  const values: Record<string, Json> = {};
  for (const [name, member] of members) {
    const value = evaluateTemplate(member, scope);
    setMember(values, name, value instanceof Promise ? await value : value);
  }
  return values;
}
