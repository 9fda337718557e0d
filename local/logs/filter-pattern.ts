import { AwsError } from "../service.ts";

/** A term of a filter pattern: a word, or a phrase in double quotes, perhaps marked with `-` or `?`. */
const TERM = /\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))/y;

/**
 * Compiles a CloudWatch Logs filter pattern for unstructured lines: all words and "phrases" must occur, none of
 * those marked `-`, and at least one of those marked `?` if there is nothing else. Upper and lower case differ.
 * Throws AwsError InvalidParameterException for what is no such pattern, among it patterns for JSON and for
 * columns and regular expressions, which are not implemented.
 */
export function compileFilterPattern(pattern: string): (message: string) => boolean {
  const text = pattern.trim();
  if (/^[{[%]/.test(text)) {
    throw invalid(`The local AWS implements filter patterns of words and "phrases", not ${text}`);
  }
  const required: string[] = [];
  const excluded: string[] = [];
  const optional: string[] = [];
  TERM.lastIndex = 0;
  while (TERM.lastIndex < text.length) {
    const found = TERM.exec(text);
    if (!found) throw invalid(`Invalid filter pattern: ${text}`);
    const [, mark, phrase, word = ""] = found;
    const term = phrase === undefined ? word : phrase.replace(/\\(.)/g, "$1");
    (mark === "-" ? excluded : mark === "?" ? optional : required).push(term);
  }
  return (message) => {
    if (excluded.some((term) => message.includes(term))) return false;
    if (required.length > 0) return required.every((term) => message.includes(term));
    return optional.length === 0 || optional.some((term) => message.includes(term));
  };
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}
