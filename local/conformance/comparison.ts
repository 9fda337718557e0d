/** ISO-8601 timestamps with a zone, which the recorder replaced by `date`. */
const TIMESTAMP = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})/g;

/** Compares what an engine gave with what AWS was recorded giving, under the recorder's replacements. */
export class Comparison {
  readonly #placeholders: RegExp | undefined;

  /** `placeholders` are texts of the recording that stand for something else: each matches anything. */
  constructor(placeholders: readonly string[]) {
    const longestFirst = [...placeholders].sort((one, other) => other.length - one.length);
    this.#placeholders =
      longestFirst.length === 0 ? undefined : new RegExp(longestFirst.map(escaped).join("|"), "g");
  }

  /** The first place where `actual` differs from `expected`, in words; undefined if it does not. */
  difference(expected: unknown, actual: unknown, path: string): string | undefined {
    if (typeof expected === "string") return this.#textDifference(expected, actual, path);
    if (Array.isArray(expected)) {
      if (!Array.isArray(actual) || actual.length !== expected.length) return differs(path, expected, actual);
      return first(expected.map((item, index) => this.difference(item, actual[index], `${path}[${index}]`)));
    }
    if (isRecord(expected)) {
      if (!isRecord(actual)) return differs(path, expected, actual);
      const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
      return first(names.map((name) => this.difference(expected[name], actual[name], `${path}.${name}`)));
    }
    return Object.is(expected ?? undefined, actual ?? undefined) && expected === actual
      ? undefined
      : differs(path, expected, actual);
  }

  #textDifference(expected: string, actual: unknown, path: string): string | undefined {
    const parts = this.#placeholders ? expected.split(this.#placeholders) : [expected];
    // A placeholder on its own stands for a value of any type.
    if (parts.length > 1 && parts.every((part) => part === "")) return undefined;
    if (typeof actual !== "string") return differs(path, expected, actual);
    if (this.#matches(parts, actual) || this.#matches(parts, actual.replace(TIMESTAMP, "date")))
      return undefined;
    const [expectedJson, actualJson] = [parseObject(expected), parseObject(actual)];
    if (!expectedJson || !actualJson) return differs(path, expected, actual);
    return this.difference(expectedJson, actualJson, `${path}(JSON)`);
  }

  #matches(parts: readonly string[], actual: string): boolean {
    if (parts.length === 1) return parts[0] === actual;
    return new RegExp(`^${parts.map(escaped).join("[\\s\\S]*")}$`).test(actual);
  }
}

/** Decodes a text that is a JSON object or array; undefined for any other. */
function parseObject(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function first(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((difference) => difference !== undefined);
}

function differs(path: string, expected: unknown, actual: unknown): string {
  return `${path}: expected ${show(expected)}, but got ${show(actual)}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
