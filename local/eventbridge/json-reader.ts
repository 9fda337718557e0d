/** What a JSON text is made of, one piece at a time. `end` is the end of the text. */
export type JsonToken =
  | "start-object"
  | "end-object"
  | "start-array"
  | "end-array"
  | "field"
  | "string"
  | "number"
  | "true"
  | "false"
  | "null"
  | "end";

/** A text that is not JSON, or that its reader refused; the message ends with the place, as AWS writes it. */
export class JsonTextError extends Error {
  override readonly name = "JsonTextError";
}

const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
const SOURCE_LIMIT_CHARACTERS = 500;

/**
 * Reads a JSON text piece by piece and can say at any time how far it has read. EventBridge names that place in
 * its messages (recorded: `at [Source: (String)"…"; line: 1, column: 17]`): just after the last piece, but just
 * after the opening quote of a string whose text nobody has asked for.
 */
export class JsonReader {
  readonly #source: string;
  /** Open containers: "{" or "[", with the place where each began. */
  readonly #open: { kind: "{" | "["; at: number }[] = [];
  #position = 0;
  #text = "";
  /** The start of a string whose text has not been read yet. */
  #pendingString: number | undefined;
  /** In a container: whether a value has been read, so that a comma must come before the next. */
  #needsComma = false;
  #afterField = false;

  constructor(source: string) {
    this.#source = source;
  }

  /** Moves to the next piece. Throws JsonTextError where the text is not JSON. */
  next(): JsonToken {
    this.text();
    this.#skipBlank();
    const container = this.#open.at(-1);
    if (this.#afterField) {
      this.#expectColon();
      return this.#value();
    }
    if (!container) return this.#position >= this.#source.length ? "end" : this.#value();
    const close = container.kind === "{" ? "}" : "]";
    if (this.#peek() === close) return this.#close(close);
    if (this.#needsComma) this.#expectComma(container.kind);
    return container.kind === "{" ? this.#field() : this.#value();
  }

  /** The text of the current piece: of a string without quotes and escapes, of a number as it is written. */
  text(): string {
    if (this.#pendingString !== undefined) {
      const start = this.#pendingString;
      this.#pendingString = undefined;
      this.#text = this.#readString(start);
    }
    return this.#text;
  }

  /** An error whose message ends with the place that has been reached. */
  error(message: string): JsonTextError {
    return this.#errorAt(message, this.#position);
  }

  #peek(): string | undefined {
    return this.#source[this.#position];
  }

  #skipBlank(): void {
    while (this.#position < this.#source.length && " \t\r\n".includes(this.#peek() ?? "")) this.#position++;
  }

  #close(close: "}" | "]"): JsonToken {
    this.#position++;
    this.#open.pop();
    this.#needsComma = true;
    return close === "}" ? "end-object" : "end-array";
  }

  #expectColon(): void {
    this.#afterField = false;
    if (this.#peek() !== ":")
      throw this.#unexpected("was expecting a colon to separate field name and value");
    this.#position++;
    this.#skipBlank();
  }

  #expectComma(kind: "{" | "["): void {
    const entries = kind === "{" ? "Object" : "Array";
    if (this.#peek() !== ",") throw this.#unexpected(`was expecting comma to separate ${entries} entries`);
    this.#position++;
    this.#skipBlank();
  }

  #field(): JsonToken {
    if (this.#peek() !== '"') throw this.#unexpected("was expecting double-quote to start field name");
    this.#position++;
    this.#text = this.#readString(this.#position);
    this.#afterField = true;
    return "field";
  }

  #value(): JsonToken {
    const character = this.#peek();
    this.#needsComma = true;
    switch (character) {
      case "{":
      case "[":
        this.#open.push({ kind: character, at: this.#position });
        this.#position++;
        this.#needsComma = false;
        this.#text = character;
        return character === "{" ? "start-object" : "start-array";
      case '"':
        this.#position++;
        this.#pendingString = this.#position;
        return "string";
      default:
        return this.#numberOrWord();
    }
  }

  #numberOrWord(): JsonToken {
    const rest = this.#source.slice(this.#position);
    const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(rest)?.[0];
    if (number) {
      this.#position += number.length;
      this.#text = number;
      return "number";
    }
    const word = /^[\p{L}\p{N}_$]+/u.exec(rest)?.[0];
    if (!word) throw this.#unexpected(`expected a valid value ${VALUES}`);
    this.#position += word.length;
    this.#text = word;
    if (word === "true" || word === "false" || word === "null") return word;
    throw this.error(`Unrecognized token '${word}': was expecting ${VALUES}`);
  }

  #readString(start: number): string {
    let end = start;
    while (end < this.#source.length && this.#source[end] !== '"') end += this.#source[end] === "\\" ? 2 : 1;
    if (end >= this.#source.length) {
      this.#position = this.#source.length;
      throw this.error("Unexpected end-of-input: was expecting closing quote for a string value");
    }
    this.#position = end + 1;
    try {
      return String(JSON.parse(this.#source.slice(start - 1, end + 1)));
    } catch {
      throw this.error("Illegal character or escape sequence in a string value");
    }
  }

  /** The error for a character that cannot stand where it stands, or for a text that ends too early. */
  #unexpected(expected: string): JsonTextError {
    const character = this.#peek();
    if (character !== undefined) {
      const code = character.charCodeAt(0);
      return this.#errorAt(
        `Unexpected character ('${character}' (code ${code})): ${expected}`,
        this.#position + 1,
      );
    }
    const container = this.#open.at(-1);
    if (!container) return this.error("No content to map due to end-of-input");
    const kind = container.kind === "{" ? "Object" : "Array";
    const start = this.#place(container.at);
    return this.error(
      `Unexpected end-of-input: expected close marker for ${kind} (start marker at ${start})`,
    );
  }

  #errorAt(message: string, position: number): JsonTextError {
    return new JsonTextError(`${message}\n at ${this.#place(position)}`);
  }

  #place(position: number): string {
    const before = this.#source.slice(0, position).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    const surplus = this.#source.length - SOURCE_LIMIT_CHARACTERS;
    const shown = `"${this.#source.slice(0, SOURCE_LIMIT_CHARACTERS)}"`;
    const cut = surplus > 0 ? `[truncated ${surplus} chars]` : "";
    return `[Source: (String)${shown}${cut}; line: ${before.length}, column: ${column}]`;
  }
}
