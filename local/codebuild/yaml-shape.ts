/** A buildspec that cannot be run; the build ends in DOWNLOAD_SOURCE with YAML_FILE_ERROR, as AWS's does. */
export class BuildspecError extends Error {
  override readonly name = "BuildspecError";
}

/** A mapping, of the known keys only where they are given. @throws BuildspecError */
export function mapping(value: unknown, place: string, known?: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(place, "a mapping", value);
  }
  const stranger = Object.keys(value).find((key) => known !== undefined && !known.includes(key));
  if (stranger !== undefined) {
    throw new BuildspecError(`${place}: unknown key "${stranger}"; expected ${known?.join(", ")}`);
  }
  return { ...value };
}

/** A list of texts; numbers and truth values count as such. @throws BuildspecError */
export function list(value: unknown, place: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return fail(place, "a list", value);
  return value.map((item: unknown, index) => {
    if (typeof item === "string" || typeof item === "number" || typeof item === "boolean")
      return String(item);
    return fail(`${place}[${index}]`, 'a text (quote one that holds ": ")', item);
  });
}

/** A mapping of names of variables to texts. @throws BuildspecError */
export function texts(value: unknown, place: string): Record<string, string> {
  const entries = Object.entries(mapping(value ?? {}, place));
  return Object.fromEntries(
    entries.map(([name, text]) =>
      typeof text === "object"
        ? fail(`${place}.${name}`, "a text", text)
        : [variableOf(name, place), String(text)],
    ),
  );
}

/** @throws BuildspecError */
export function variableOf(name: string, place: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : fail(place, "names of variables", name);
}

/** @throws BuildspecError naming the place, what was expected and what was found. */
export function fail(place: string, expected: string, found: unknown): never {
  const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 100);
  throw new BuildspecError(`${place}: expected ${expected}, found ${shown}`);
}
