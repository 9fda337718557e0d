/** A path such as `$.detail.images[0]['image-tag']`, taken apart; undefined when the text is no path that is supported. */
export type JsonPath = readonly (string | number | "*")[];

/** One step: `.name`, `['name']`, `["name"]`, `[3]`, `[*]` or `.*`. */
const STEP = /\.\*|\.([^.[\]\s'"]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]|\[\*\]/y;

/** Reads the JSONPath that InputPath and InputPathsMap may hold: steps by name, index or `*`. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith("$")) return undefined;
  const steps: (string | number | "*")[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (!found) return undefined;
    const [, plain, singleQuoted, doubleQuoted, index] = found;
    const name = plain ?? singleQuoted ?? doubleQuoted;
    steps.push(index === undefined ? (name ?? "*") : Number(index));
  }
  return steps;
}

/** What is at the path: a value; with `*`, the list of the values it finds; undefined when nothing is there. */
export function readJsonPath(value: unknown, path: JsonPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (step === "*") {
    return Object.values(value)
      .map((member: unknown) => readJsonPath(member, rest))
      .filter((found) => found !== undefined);
  }
  const members = new Map(Object.entries(value));
  return readJsonPath(members.get(String(step)), rest);
}
