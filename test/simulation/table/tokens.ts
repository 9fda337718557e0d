import { invalid } from "./value.ts";

/** The words of an expression, taken one after another. */
export interface Tokens {
  /** Every `#name` and `:value` in it. */
  readonly references: readonly string[];
  /** The next word, not yet taken; empty at the end. */
  peek(): string;
  take(): string;
  /** Takes the next word if it is this one, in upper or lower case. */
  accept(word: string): boolean;
  /** @throws AwsError ValidationException if the next word is another. */
  expect(word: string): void;
}

const word = /\s*([#:]?[A-Za-z_0-9]+|<>|<=|>=|[=<>(),.+-])/y;

/** @throws AwsError ValidationException for a character that no expression has. */
export function tokenize(text: string): Tokens {
  const words: string[] = [];
  word.lastIndex = 0;
  for (let at = 0; at < text.trimEnd().length; at = word.lastIndex) {
    const found = word.exec(text)?.[1];
    if (found === undefined) throw invalid(`Invalid expression: Syntax error; token at ${at} of "${text}"`);
    words.push(found);
  }
  let next = 0;
  const peek = () => words[next] ?? "";
  const take = () => words[next++] ?? "";
  const accept = (wanted: string) => {
    const is = peek().toUpperCase() === wanted;
    if (is) next++;
    return is;
  };
  return {
    references: words.filter((one) => /^[#:]/.test(one)),
    peek,
    take,
    accept,
    expect(wanted) {
      if (!accept(wanted))
        throw invalid(
          `Invalid expression: Syntax error; "${wanted}" expected, not "${peek()}", in "${text}"`,
        );
    },
  };
}
