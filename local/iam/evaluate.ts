import type { Demand } from "./demand.ts";
import type { Condition, Statement } from "./roles.ts";

/**
 * The first statement that allows what is demanded; undefined if none does. As IAM reads policies: `*` and `?` stand
 * for any characters, the case of actions does not count, every condition must hold, and a condition on what the
 * request does not say does not.
 */
export function allowingStatement(
  statements: readonly Statement[],
  { action, resource, context = {} }: Demand,
): Statement | undefined {
  return statements.find(
    ({ actions, resources, conditions = [] }) =>
      actions.some((pattern) => covers(pattern.toLowerCase(), action.toLowerCase())) &&
      resources.some((pattern) => covers(pattern, resource)) &&
      conditions.every((condition) => holds(condition, context)),
  );
}

function holds({ test, variable, values }: Condition, context: NonNullable<Demand["context"]>): boolean {
  const said = Object.entries(context).find(([key]) => key.toLowerCase() === variable.toLowerCase())?.[1];
  if (said === undefined) return false;
  return values.some((value) => (test === "ArnEquals" ? covers(value, said) : value === said));
}

const patterns = new Map<string, RegExp>();

/** Whether a pattern of IAM covers a text. */
export function covers(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    compiled = new RegExp(`^${source}$`, "s");
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}
