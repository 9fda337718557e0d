import { lastLines } from "./build.ts";

/** Where a log is. */
export interface LogPlace {
  readonly group: string;
  readonly stream: string;
}

const shownLines = 10;

/**
 * A cause with the last lines of the log that explains it, and the command that shows all of them.
 * @param lines oldest first; untrusted: control characters go, and so does the password of a URL.
 */
export function withLog(cause: string, lines: readonly string[], { group, stream }: LogPlace): string {
  const said = lastLines(lines, shownLines).map((line) => `  ${hidePassword(line)}`);
  const show = `The whole log:\naws logs get-log-events --log-group-name ${group} --log-stream-name ${stream} --query 'events[].message' --output text`;
  return [cause, ...said, show].join("\n");
}

/** Programs that cannot reach their database like to print its URL. */
function hidePassword(line: string): string {
  return line.replace(/(\w:\/\/[^\s:/@]*:)[^\s@]+@/g, "$1***@");
}
