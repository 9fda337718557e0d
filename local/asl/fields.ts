import type { Json, JsonObject } from "./json.ts";
import { isArray, isObject, typeName } from "./json.ts";
import type { Problems } from "./problems.ts";
import type { Assignments } from "./state-machine.ts";
import { compileTemplate, type Template } from "./template.ts";
import { JSONPATH_FIELDS } from "./unsupported.ts";

/** Reads the fields of one object of a definition and reports what is wrong with them. */
export class Fields {
  readonly #object: JsonObject;
  readonly #problems: Problems;
  readonly #read = new Set<string>(["Comment"]);
  /** "/States/Deploy/Catch[0]" */
  readonly location: string;
  /** How errors of evaluation call this object within its state: "", "Catch[0]/". */
  readonly fieldPrefix: string;

  constructor(object: JsonObject, location: string, problems: Problems, fieldPrefix = "") {
    this.#object = object;
    this.#problems = problems;
    this.location = location;
    this.fieldPrefix = fieldPrefix;
  }

  raw(name: string): Json | undefined {
    this.#read.add(name);
    return this.#object[name];
  }

  at(name: string): string {
    return this.location === "/" ? `/${name}` : `${this.location}/${name}`;
  }

  problem(message: string, name?: string): void {
    this.#problems.schema(message, name === undefined ? this.location : this.at(name));
  }

  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    this.problem(`Expected value of type string, but got ${typeName(value)}`, name);
    return undefined;
  }

  required(name: string): string {
    if (this.#object[name] === undefined) this.problem(`These fields are required: [${name}]`);
    return this.string(name) ?? "";
  }

  /** A constant number between the bounds, an integer unless said otherwise. */
  number(
    name: string,
    least: number,
    most: number,
    kind: "integer" | "real" = "integer",
  ): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const isRight = typeof value === "number" && (kind === "real" || Number.isInteger(value));
    if (isRight && value >= least && value <= most) return value;
    this.problem(`Expected ${kind} between ${least} and ${most}, but got ${JSON.stringify(value)}`, name);
    return undefined;
  }

  /** A field that is either an expression or a constant number between the bounds. */
  numberTemplate(name: string, least: number, most: number, kind: "integer" | "real" = "integer") {
    if (typeof this.raw(name) === "string") return this.expressionTemplate(name, "number");
    const value = this.number(name, least, most, kind);
    return value === undefined ? undefined : ({ kind: "constant", value } satisfies Template);
  }

  /** A field that takes text only as an expression. */
  expressionTemplate(name: string, expected: string): Template | undefined {
    const template = this.template(name);
    if (template?.kind === "constant") {
      this.problem(`Expected a ${expected} or a JSONata expression '{% … %}'`, name);
    }
    return template;
  }

  template(name: string): Template | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    return compileTemplate(value, this.fieldPrefix + name, (message) => this.problem(message, name));
  }

  /** Error and Cause: a constant text, or an expression. */
  textTemplate(name: string): Template | undefined {
    return this.string(name) === undefined ? undefined : this.template(name);
  }

  objects(name: string): { object: JsonObject; location: string; fieldPrefix: string }[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!isArray(value)) {
      this.problem(`Expected value of type array, but got ${typeName(value)}`, name);
      return [];
    }
    return value.flatMap((object, index) => {
      const place = {
        location: `${this.at(name)}[${index}]`,
        fieldPrefix: `${this.fieldPrefix}${name}[${index}]/`,
      };
      if (isObject(object)) return [{ object, ...place }];
      this.#problems.schema(`Expected value of type object, but got ${typeName(object)}`, place.location);
      return [];
    });
  }

  assignments(): Assignments {
    const value = this.raw("Assign");
    if (value === undefined) return [];
    if (!isObject(value)) {
      this.problem(`Expected value of type object, but got ${typeName(value)}`, "Assign");
      return [];
    }
    return Object.entries(value).map(([variable, member]) => {
      const location = `${this.at("Assign")}/${variable}`;
      const wrong = variableNameProblem(variable);
      if (wrong !== undefined) this.#problems.schema(wrong, location);
      const report = (message: string) => this.#problems.schema(message, location);
      return [variable, compileTemplate(member, `${this.fieldPrefix}Assign/${variable}`, report)] as const;
    });
  }

  /** To be called last: reports every field that nobody asked for. */
  rejectOthers(): void {
    for (const name of Object.keys(this.#object)) {
      if (this.#read.has(name)) continue;
      const why = JSONPATH_FIELDS.has(name) ? " when 'QueryLanguage' is 'JSONata'" : "";
      this.problem(`Field '${name}' is not supported${why}`, name);
    }
  }
}

function variableNameProblem(name: string): string | undefined {
  if (name === "states") return "The variable name 'states' is reserved";
  if ([...name].length > 80) return "A variable name has at most 80 characters";
  if (/^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(name)) return undefined;
  return `The variable name '${name}' must start with a letter and consist of letters, digits and '_'`;
}
