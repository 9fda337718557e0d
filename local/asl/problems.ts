import { UNSUPPORTED_FEATURES, type UnsupportedFeature } from "./unsupported.ts";

/** The codes of AWS's ValidateStateMachineDefinition, and one of our own for what this engine leaves out. */
export type ProblemCode =
  | "INVALID_JSON_DESCRIPTION"
  | "SCHEMA_VALIDATION_FAILED"
  | "MISSING_TRANSITION_TARGET"
  | "UNREACHABLE_STATE"
  | "DUPLICATE_STATE_NAME"
  | "UNSUPPORTED_FEATURE";

/** One thing that is wrong with a definition. `location` is a path: "/States/Deploy/Catch[0]/Next". */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly location?: string;
  readonly feature?: UnsupportedFeature;
}

/** A definition was refused. The message lists all problems in AWS's form; `problems` holds them one by one. */
export class InvalidDefinitionError extends Error {
  override readonly name = "InvalidDefinitionError";
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const texts = problems.map(({ code, message, location }) =>
      location === undefined ? `${code}: ${message}` : `${code}: ${message} at ${location}`,
    );
    super(`Invalid State Machine Definition: '${texts.join(", ")}'`);
    this.problems = problems;
  }
}

/** Collects what is wrong with a definition, so that its author sees everything at once. */
export class Problems {
  readonly list: Problem[] = [];
  readonly #tolerated: ReadonlySet<UnsupportedFeature>;

  /** `tolerated`: features that nobody will run. */
  constructor(tolerated: readonly UnsupportedFeature[] = []) {
    this.#tolerated = new Set(tolerated);
  }

  schema(message: string, location: string): void {
    this.list.push({ code: "SCHEMA_VALIDATION_FAILED", message, location });
  }

  add(code: ProblemCode, message: string, location: string): void {
    this.list.push({ code, message, location });
  }

  unsupported(feature: UnsupportedFeature, what: string, location: string): void {
    if (this.#tolerated.has(feature)) return;
    const message = `${what} is not supported by this engine: ${UNSUPPORTED_FEATURES[feature]}`;
    this.list.push({ code: "UNSUPPORTED_FEATURE", message, location, feature });
  }
}
