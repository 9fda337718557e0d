import { createRequire } from "node:module";
import * as z from "zod/mini";

const Dynalite = z.object({ validateExpressions: z.custom<(request: object) => unknown>() });
const { validateExpressions } = Dynalite.parse(createRequire(import.meta.url)("dynalite/validations"));

const known = new Map<string, boolean>();

/** Whether a word is one of DynamoDB's own, so that an expression may use it only by an alias; dynalite has the list. */
export function isReserved(word: string): boolean {
  const before = known.get(word);
  if (before !== undefined) return before;
  const refusal = validateExpressions({ ConditionExpression: `attribute_exists(${word})` });
  const reserved = String(refusal).includes("reserved keyword");
  known.set(word, reserved);
  return reserved;
}
