import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  API,
  type Checker,
  type Symbol as NamedSymbol,
  type Type,
  TypeFlags,
} from "typescript/unstable/sync";
import * as z from "zod/mini";
import * as accountSchemas from "../core/account.ts";
import * as configSchemas from "../core/config.ts";

type Schema = z.core.JSONSchema.BaseSchema;

/** The page that lists every setting. */
export const page = join(import.meta.dirname, "configuration.md");

const intro = `# Every setting of the config

The fields of \`spillway.config.ts\`, read from the schema by which it is checked. [Writing a config](writing-a-config.md) says how they work together. NAME stands for a name that you choose; names of services, stages and environments have 1 to 31 lower-case letters, digits and hyphens.

This page is generated: \`npm run configuration\` writes it from \`core/config.ts\` and \`core/account.ts\`. What a field means is the comment above it there.`;

/** One object of the config, as a table of its fields. */
interface Section {
  readonly path: string;
  readonly meaning: string;
  readonly rows: readonly (readonly string[])[];
}

/** What an object of the config is made of: its schema, and its type, which carries the comments. */
interface Place {
  readonly path: string;
  readonly schema: Schema;
  readonly type: Type;
  readonly meaning: string;
}

/**
 * Renders the page from the schema and from the comments in the sources.
 * @throws TypeError naming the fields that have no comment.
 */
export function renderConfiguration(): string {
  const root = resolve(import.meta.dirname, "..");
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] }).getProjects()[0];
    if (project === undefined) throw new TypeError("TypeScript opened no project.");
    const comments = createComments(project.checker, (file) => {
      const source = project.program.getSourceFile(join(root, file));
      return source && project.checker.getSymbolAtLocation(source);
    });
    const schema = z.toJSONSchema(configSchemas.Config, { io: "input", override: annotate });
    const whole = { path: "", schema, type: comments.typeNamed("ConfigInput"), meaning: "" };
    const sections = listSections(comments, whole);
    refuseSilence(sections);
    return `${[intro, ...sections.map(renderSection)].join("\n\n")}\n`;
  } finally {
    api.close();
  }
}

/** The names of the schemas that have one, by schema. */
const schemaNames = new Map<unknown, string>(
  Object.entries({ ...accountSchemas, ...configSchemas }).map(([name, schema]) => [schema, name]),
);

/** Keeps in JSON Schema what it has no place for: the name of a schema, and the remedy of a check. */
function annotate({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodType;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  const name = schemaNames.get(zodSchema);
  if (name !== undefined) jsonSchema.title = name;
  if (jsonSchema.type !== "string") return;
  // No text of a certain form may be empty.
  const refused = z.safeParse(zodSchema, "").error?.issues[0]?.message;
  if (refused !== undefined && refused !== withoutRemedy) jsonSchema.description = refused;
}

/** What `zod/mini` says where nothing else is said. */
const withoutRemedy = "Invalid input";

/** @throws TypeError naming the fields that have no comment. */
function refuseSilence(sections: readonly Section[]): void {
  const silent = sections.flatMap(({ path, rows }) =>
    rows.filter((cells) => cells.at(-1) === "").map(([name]) => `  ${path || "the whole file"}: ${name}`),
  );
  if (silent.length === 0) return;
  throw new TypeError(
    `These fields have no comment that says what they mean; write one above each in core/config.ts or core/account.ts:\n${silent.join("\n")}`,
  );
}

type Comments = ReturnType<typeof createComments>;

/** Reads comments from the sources by TypeScript's own compiler. */
function createComments(checker: Checker, moduleOf: (file: string) => NamedSymbol | undefined) {
  const exported = new Map<string, NamedSymbol>();
  for (const file of ["core/account.ts", "core/config.ts"]) {
    const symbol = moduleOf(file);
    if (symbol === undefined) throw new TypeError(`${file} is not in the project of tsconfig.json.`);
    // A schema and its type share a name; the comment is the schema's.
    for (const one of checker.getExportsOfModule(symbol)) exported.set(one.name, one);
  }
  const commentOf = (symbol: NamedSymbol | undefined) =>
    symbol?.getDocumentationComment(checker).replace(/\s*\n\s*/g, " ") ?? "";
  const properties = (type: Type) =>
    new Map(checker.getPropertiesOfType(type).map((property) => [property.name, property]));

  /** The parts of a type that are objects: itself, the members of a union, what a record or a list holds. */
  function objectsOf(type: Type | undefined): Type[] {
    if (type === undefined) return [];
    if (type.isUnionType()) return type.getTypes().flatMap(objectsOf);
    if ((type.flags & TypeFlags.Object) === 0) return [];
    const held = checker.getIndexInfosOfType(type).map(({ valueType }) => valueType);
    return held.length > 0 ? held.flatMap(objectsOf) : [type];
  }

  return {
    typeNamed(name: string): Type {
      const symbol = exported.get(name);
      if (symbol === undefined) throw new TypeError(`core/config.ts exports no ${name}.`);
      return checker.getDeclaredTypeOfSymbol(symbol);
    },
    /** What is said above an exported schema. */
    ofSchema: (name: string | undefined) => (name === undefined ? "" : commentOf(exported.get(name))),
    /** What is said above a field. */
    ofField: (type: Type, field: string) => commentOf(properties(type).get(field)),
    /** The type of what a field holds that has just these fields. */
    objectIn(type: Type, field: string, names: readonly string[]): Type {
      const symbol = properties(type).get(field);
      const found = objectsOf(symbol && checker.getTypeOfSymbol(symbol)).find((one) => {
        const known = properties(one);
        return known.size === names.length && names.every((name) => known.has(name));
      });
      if (found === undefined) throw new TypeError(`${field} has no type with ${names.join(", ")}.`);
      return found;
    },
  };
}

/** The sections of an object and of all within it, outermost first. */
function listSections(comments: Comments, { path, schema, type, meaning }: Place): Section[] {
  const within: Place[] = [];
  const rows = fieldsOf(schema).map(([name, field]) => {
    const places = objectsWithin(field).map(({ schema, suffix }) => ({
      schema,
      path: `${path === "" ? "" : `${path}.`}${name}${suffix}`,
      type: comments.objectIn(type, name, Object.keys(schema.properties ?? {})),
      meaning: comments.ofSchema(schema.title) || comments.ofField(type, name),
    }));
    within.push(...places);
    const said = comments.ofField(type, name) || (places.length === 1 ? (places[0]?.meaning ?? "") : "");
    const asked = schema.required?.includes(name) === true;
    return [`\`${name}\``, inWords(field, places), asked ? "required" : defaultOf(field), said];
  });
  return [{ path, meaning, rows }, ...within.flatMap((place) => listSections(comments, place))];
}

function fieldsOf({ properties = {} }: Schema): [string, Schema][] {
  return Object.entries(properties).filter((entry): entry is [string, Schema] => isSchema(entry[1]));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function choicesOf({ anyOf, oneOf }: Schema): Schema[] {
  return (anyOf ?? oneOf ?? []).filter(isSchema);
}

/** The objects that a field holds, and what leads to each: `.NAME` for a record, `[]` for a list. */
function objectsWithin(schema: Schema): { schema: Schema; suffix: string }[] {
  const choices = choicesOf(schema).flatMap(objectsWithin);
  if (choices.length > 1)
    return choices.map((choice) => ({ ...choice, suffix: `${choice.suffix}${kindOf(choice.schema)}` }));
  if (choices.length === 1) return choices;
  const below = (inner: unknown, suffix: string) =>
    isSchema(inner) ? objectsWithin(inner).map((one) => ({ ...one, suffix: `${suffix}${one.suffix}` })) : [];
  if (isSchema(schema.additionalProperties)) return below(schema.additionalProperties, ".NAME");
  if (schema.type === "array") return below(schema.items, "[]");
  return schema.type === "object" ? [{ schema, suffix: "" }] : [];
}

/** By what an object is told from its siblings. */
function kindOf(schema: Schema): string {
  const kind = fieldsOf(schema).find(([, { const: only }]) => only !== undefined);
  return kind === undefined ? "" : ` with ${kind[0]} ${JSON.stringify(kind[1].const)}`;
}

/** What a field takes, in words. */
function inWords(schema: Schema, places: readonly Place[]): string {
  const choices = choicesOf(schema);
  if (choices.length > 0) return choices.map((choice) => inWords(choice, places)).join(" or ");
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  if (schema.type === "array" && isSchema(schema.items)) return listInWords(schema, schema.items, places);
  if (isSchema(schema.additionalProperties))
    return `${keyInWords(schema.propertyNames)} → ${inWords(schema.additionalProperties, places)}`;
  if (schema.type === "object") return linkTo(schema, places);
  if (schema.type === "string") return textInWords(schema);
  if (schema.type === "integer" || schema.type === "number") return numberInWords(schema);
  return schema.type === "boolean" ? "true or false" : String(schema.type);
}

function listInWords({ minItems }: Schema, items: Schema, places: readonly Place[]): string {
  const least = minItems === undefined ? "" : ", at least one";
  const each = inWords(items, places).replace(/^(list|whole number)/, "$1s");
  // Of lists, only that they may not be empty is said here.
  return `list of ${items.type === "array" ? each.replace(", at least one", ", none empty") : each}${least}`;
}

const code = (value: unknown) => `\`${JSON.stringify(value)}\``;

function linkTo(schema: Schema, places: readonly Place[]): string {
  const path = places.find((place) => place.schema === schema)?.path ?? "";
  return `[object](#${anchorOf(path)})`;
}

/** The anchor that GitHub gives to a section's heading. */
function anchorOf(path: string): string {
  return path
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function keyInWords(key: unknown): string {
  return isSchema(key) && key.description !== undefined ? `name (${key.description})` : "name";
}

function textInWords({ description, minLength }: Schema): string {
  if (description !== undefined) return `text (${description})`;
  return minLength === undefined ? "text" : "text, not empty";
}

function numberInWords({ type, minimum, maximum, exclusiveMinimum }: Schema): string {
  const noun = type === "integer" ? "whole number" : "number";
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (exclusiveMinimum !== undefined) return `${noun} above ${exclusiveMinimum}`;
  if (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER)
    return most === undefined ? noun : `${noun} up to ${most}`;
  return most === undefined ? `${noun} from ${minimum}` : `${noun} from ${minimum} to ${most}`;
}

function defaultOf({ default: value }: Schema): string {
  if (value === undefined) return "–";
  return JSON.stringify(value) === "{}" ? "`{}`" : code(value);
}

function renderSection({ path, meaning, rows }: Section): string {
  const table = [["Field", "Takes", "Default", "Meaning"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
  const heading = path === "" ? "## The whole file" : `## \`${path}\``;
  return [heading, ...(meaning === "" ? [] : [meaning]), table].join("\n\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await writeFile(page, renderConfiguration());
  console.log("docs/configuration.md");
}
