import { randomUUID } from "node:crypto";

/**
 * An address that nobody else shortens, so that the links a check leaves behind can be told from people's:
 * `DELETE FROM links WHERE url LIKE 'https://check.invalid/%'` removes them. Names under .invalid lead nowhere.
 */
export function markedAddress(check: "end-to-end" | "performance"): string {
  return `https://check.invalid/${check}/${randomUUID()}?from=spillway&word=%C3%BC#end`;
}
