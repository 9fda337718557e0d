import { isArray, isObject, type Json, type JsonObject } from "../../local/asl/index.ts";

/** States that lead to each other: those of a machine, of a branch, of an item processor. */
export interface Flow {
  /** As it is written, in the machine's query language: a machine of its own. */
  readonly definition: JsonObject;
  /** The Parallel or Map that it is in, and which of its branches it is. */
  readonly owner: string | undefined;
  readonly index: number;
  readonly parent: Flow | undefined;
}

export interface Rule {
  readonly errors: readonly string[];
  /** Of a Catch. */
  readonly next: string | undefined;
  /** Of a Retry. */
  readonly mostAttempts: number;
}

/** A state as it is written. */
export interface WrittenState {
  readonly name: string;
  readonly type: string;
  readonly resource: string;
  /** Of a Fail, if it is no expression. */
  readonly error: string | undefined;
  readonly retries: readonly Rule[];
  readonly catches: readonly Rule[];
  readonly definition: JsonObject;
}

/** Every state of a machine, however deep, by its name, which is the only one of that name. */
export class Definitions {
  readonly #states = new Map<string, { readonly state: WrittenState; readonly flow: Flow }>();

  /** `text` is the definition of a state machine. */
  constructor(text: string) {
    const machine: Json = JSON.parse(text);
    this.#read(machine, undefined, 0, undefined);
  }

  get names(): string[] {
    return [...this.#states.keys()];
  }

  state(name: string): WrittenState {
    return this.#found(name).state;
  }

  flow(name: string): Flow {
    return this.#found(name).flow;
  }

  /** Whether a flow can end with the state. */
  endsFlow(name: string): boolean {
    const { type, definition } = this.state(name);
    return definition.End === true || type === "Succeed" || type === "Fail";
  }

  #found(name: string) {
    const found = this.#states.get(name);
    if (found === undefined) throw new TypeError(`The machine has no state ${name}.`);
    return found;
  }

  #read(part: Json | undefined, owner: string | undefined, index: number, parent: Flow | undefined): void {
    if (!isObject(part) || !isObject(part.States))
      throw new TypeError(`${owner ?? "The machine"} has no states.`);
    const { StartAt = "", States } = part;
    const flow: Flow = { definition: { QueryLanguage: "JSONata", StartAt, States }, owner, index, parent };
    for (const [name, definition] of Object.entries(States)) {
      if (!isObject(definition)) throw new TypeError(`The state ${name} is no object.`);
      this.#states.set(name, { state: writtenState(name, definition), flow });
      if (definition.ItemProcessor !== undefined) this.#read(definition.ItemProcessor, name, 0, flow);
      for (const [place, branch] of listOf(definition.Branches).entries())
        this.#read(branch, name, place, flow);
    }
  }
}

function writtenState(name: string, definition: JsonObject): WrittenState {
  const { Type, Resource, Error: error, Retry, Catch } = definition;
  return {
    name,
    type: String(Type),
    resource: typeof Resource === "string" ? Resource : "",
    error: typeof error === "string" && !error.startsWith("{%") ? error : undefined,
    retries: listOf(Retry).map(ruleOf),
    catches: listOf(Catch).map(ruleOf),
    definition,
  };
}

function ruleOf(rule: Json): Rule {
  if (!isObject(rule)) throw new TypeError("A Retry or Catch is no object.");
  const { ErrorEquals, Next, MaxAttempts } = rule;
  return {
    errors: listOf(ErrorEquals).map(String),
    next: typeof Next === "string" ? Next : undefined,
    mostAttempts: typeof MaxAttempts === "number" ? MaxAttempts : 3,
  };
}

function listOf(value: Json | undefined): readonly Json[] {
  return isArray(value) ? value : [];
}
