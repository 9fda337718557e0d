import { lastLines } from "./build.ts";
import { hideSecrets } from "./redaction.ts";

/** Where a log is. */
export interface LogPlace {
  readonly group: string;
  readonly stream: string;
}

const shownLines = 10;

/**
 * A cause with the last lines of the log that explains it, and the command that shows all of them.
 * @param cause may hold words of a program, too: what looks like a secret goes.
 * @param lines oldest first; untrusted: control characters go, and what looks like a secret.
 */
export function withLog(cause: string, lines: readonly string[], { group, stream }: LogPlace): string {
  const said = lastLines(lines, shownLines).map((line) => `  ${line}`);
  const show = `The whole log:\naws logs get-log-events --log-group-name ${group} --log-stream-name ${stream} --query 'events[].message' --output text`;
  return [cause.split("\n").map(hideSecrets).join("\n"), ...said, show].join("\n");
}
