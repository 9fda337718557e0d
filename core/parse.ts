import { en } from "zod/locales";
import type * as z from "zod/mini";

const english = en().localeError;

/** One thing wrong with an input. */
export interface Problem {
  /** The members that lead to it, dotted: `services.web.tracks`; empty for the whole input. */
  readonly path: string;
  /** What was expected and what came. Never holds the value that came. */
  readonly message: string;
}

/**
 * Reads an input by its schema and fills in the defaults. Every door parses with this: `zod/mini` has no words for
 * what is wrong, and giving it some for good would be a setting that all share.
 * @param refuse makes the error to be thrown of what is wrong: at least one problem.
 */
export function parse<Schema extends z.ZodMiniType>(
  schema: Schema,
  input: unknown,
  refuse: (problems: readonly Problem[]) => Error,
): z.output<Schema> {
  const parsed = schema.safeParse(input, { error: explain });
  if (parsed.success) return parsed.data;
  throw refuse(
    parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message })),
  );
}

/** The problems in one line; `whole` is what to call the input where all of it is wrong. */
export function listProblems(problems: readonly Problem[], whole: string): string {
  return problems.map(({ path, message }) => `${path || whole}: ${message}`).join("; ");
}

/** English, and better than Zod's own where a remedy is known. */
function explain(issue: z.core.$ZodRawIssue) {
  if (issue.code === "unrecognized_keys")
    return `unknown setting ${issue.keys.join(", ")}; remove it or correct its spelling`;
  if (issue.code === "invalid_key" && issue.issues[0] !== undefined) return issue.issues[0].message;
  return english(issue);
}
