import * as z from "zod/mini";
import type { SchemaLabels } from "./image.ts";
import type { Deployment } from "./records.ts";

/** The one JSON line a migration image prints: the schema revision before and after. `null`: an empty database. */
export const MigrationReport = z.object({
  command: z.enum(["status", "up", "down"]),
  before: z.nullable(z.string()),
  after: z.nullable(z.string()),
  applied: z._default(z.array(z.string()), []),
});
export type MigrationReport = z.infer<typeof MigrationReport>;

const ReportLine = z.object({ migration: MigrationReport });

/** Finds the last report in a task's log lines. Lines come from an image and are untrusted: anything else is passed over. */
export function findMigrationReport(lines: readonly string[]): MigrationReport | undefined {
  for (const line of lines.toReversed()) {
    const text = line.trim();
    if (!text.startsWith("{") || text.length > 10_000) continue;
    const parsed = ReportLine.safeParse(parseJson(text));
    if (parsed.success) return parsed.data.migration;
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A live schema and the code that can run on it. */
export interface LiveSchema {
  readonly revision: string | null;
  readonly history: readonly string[];
  readonly readableFrom: string | undefined;
}

/** The schema as it will be once the migration image has run. */
export function schemaAfter(labels: SchemaLabels): LiveSchema {
  return {
    revision: labels.history.at(-1) ?? null,
    history: labels.history,
    readableFrom: labels.readableFrom,
  };
}

/**
 * Whether code built against schema revision `code` may run on `schema`: readable-from ≤ code ≤ revision in the
 * history's order. Unlabelled code or history cannot be told: `undefined`.
 */
export function canRunOn(code: string | undefined, schema: LiveSchema): boolean | undefined {
  if (code === undefined || schema.revision === null) return undefined;
  const order = (revision: string) => schema.history.indexOf(revision);
  const [head, built] = [order(schema.revision), order(code)];
  const oldest = schema.readableFrom === undefined ? head : order(schema.readableFrom);
  if (head < 0 || built < 0 || oldest < 0) return undefined;
  return oldest <= built && built <= head;
}

/**
 * The schema revision to which a failed deployment's migration is taken back; undefined if it changed nothing, if
 * where it began is not known, or if the database was empty: a first migration is left for a person to look at.
 */
export function revertTarget({
  migration,
  previous,
}: Pick<Deployment, "migration" | "previous">): string | undefined {
  if (previous === undefined || migration?.confirmed !== true) return undefined;
  const { before, after } = migration;
  return before === undefined || before === null || before === after ? undefined : before;
}
