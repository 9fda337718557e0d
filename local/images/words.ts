/** One word of an instruction, with quotes removed and variables replaced. */
export interface Word {
  readonly text: string;
  /** The characters that stood outside quotes, where a shell would give some of them a meaning. */
  readonly bare: string;
}

/** Looks a build argument or environment variable up; undefined if it has no value. */
export type LookUp = (name: string) => string | undefined;

/** A quote or a brace that is not closed, or a form of variable that is not supported. */
export class WordsError extends Error {
  override readonly name = "WordsError";
}

const VARIABLE = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\})/;

/**
 * Splits an instruction's arguments into words the way Docker does: blanks separate, single quotes keep
 * everything, double quotes keep blanks, a backslash keeps the next character, `$NAME`, `${NAME}`,
 * `${NAME:-default}` and `${NAME:+alternative}` are replaced. Throws WordsError.
 */
export function splitWords(text: string, lookUp: LookUp): Word[] {
  const words: Word[] = [];
  let word: { text: string; bare: string } | undefined;
  let quote = "";
  let index = 0;
  const add = (value: string, bare: string) => {
    word ??= { text: "", bare: "" };
    word.text += value;
    word.bare += bare;
  };
  while (index < text.length) {
    const character = text.charAt(index);
    if (character === "\\" && quote !== "'") {
      add(text.charAt(index + 1), "");
      index += 2;
    } else if (character === quote || (quote === "" && (character === '"' || character === "'"))) {
      quote = quote === "" ? character : "";
      add("", "");
      index += 1;
    } else if (character === "$" && quote !== "'") {
      const variable = readVariable(text.slice(index), lookUp);
      add(variable.value, "");
      index += variable.length;
    } else if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      index += 1;
    } else {
      add(character, quote === "" ? character : "");
      index += 1;
    }
  }
  if (quote !== "") throw new WordsError(`A quote (${quote}) is not closed in: ${text.slice(0, 80)}`);
  if (word !== undefined) words.push(word);
  return words;
}

function readVariable(text: string, lookUp: LookUp): { value: string; length: number } {
  const match = VARIABLE.exec(text);
  if (match === null) {
    if (!text.startsWith("${")) return { value: "$", length: 1 };
    throw new WordsError(
      `${text.slice(0, 40)} is not a supported form of variable; use \${NAME}, \${NAME:-default} or \${NAME:+alternative}.`,
    );
  }
  const [whole, plain, braced = "", modifier, substitute = ""] = match;
  const value = lookUp(plain ?? braced) ?? "";
  if (modifier === "-") return { value: value === "" ? substitute : value, length: whole.length };
  if (modifier === "+") return { value: value === "" ? "" : substitute, length: whole.length };
  return { value, length: whole.length };
}
