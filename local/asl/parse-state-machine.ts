import { Fields } from "./fields.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";
import { type FlowContext, parseFlow } from "./parse-flow.ts";
import { LONGEST_SECONDS, parseState } from "./parse-state.ts";
import { InvalidDefinitionError, Problems } from "./problems.ts";
import type { TaskResource } from "./resource.ts";
import type { Definition, Flow, State, StateMachine } from "./state-machine.ts";
import type { UnsupportedFeature } from "./unsupported.ts";

/** AWS's limit of the definition's text: 1 MB. */
const DEFINITION_LIMIT_BYTES = 1_048_576;

export interface ParseOptions {
  /** Tells which integrations the task runner knows; others are refused. Every one by default. */
  readonly isKnownResource?: (resource: TaskResource) => boolean;
  /** Features that nobody will run, so that they need not be supported. */
  readonly tolerated?: readonly UnsupportedFeature[];
}

/**
 * Checks and compiles a definition (JSON text or object), once for all its executions. Throws
 * InvalidDefinitionError, which lists everything that is wrong and every feature that is not supported.
 */
export function parseStateMachine(definition: Definition, options: ParseOptions = {}): StateMachine {
  const problems = new Problems(options.tolerated);
  const machine = parse(definition, problems, options);
  if (!machine || problems.list.length > 0) throw new InvalidDefinitionError(problems.list);
  return machine;
}

/** Checks and compiles the definition of one state without a machine around it, as parseStateMachine does. */
export function parseLoneState(
  name: string,
  definition: JsonObject,
  { isKnownResource = () => true, tolerated }: ParseOptions = {},
): State {
  const problems = new Problems(tolerated);
  const context: FlowContext = {
    problems,
    queryLanguage: "JSONPath",
    isKnownResource,
    seenNames: new Map(),
  };
  const state = parseState(name, definition, context, "/");
  if (!state || problems.list.length > 0) throw new InvalidDefinitionError(problems.list);
  return state;
}

function parse(definition: Definition, problems: Problems, options: ParseOptions): StateMachine | undefined {
  const object = typeof definition === "string" ? parseText(definition) : definition;
  if (!isObject(object)) {
    problems.list.push({
      code: "SCHEMA_VALIDATION_FAILED",
      message: "Definition must be a valid JSON object",
    });
    return undefined;
  }
  const fields = new Fields(object, "/", problems);
  const language = fields.string("QueryLanguage") ?? "JSONPath";
  if (language !== "JSONata" && language !== "JSONPath") {
    fields.problem("Value is not valid, valid values are [JSONata, JSONPath]", "QueryLanguage");
  }
  const version = fields.string("Version") ?? "1.0";
  if (version !== "1.0") fields.problem("Value is not valid, valid values are [1.0]", "Version");
  const timeoutSeconds = fields.number("TimeoutSeconds", 1, LONGEST_SECONDS);
  const flow = parseFlow(fields, {
    problems,
    queryLanguage: language === "JSONata" ? "JSONata" : "JSONPath",
    isKnownResource: options.isKnownResource ?? (() => true),
    seenNames: new Map(),
  });
  fields.rejectOthers();
  checkVariables(flow, new Map(), problems);
  return { ...flow, timeoutSeconds };
}

function parseText(text: string): unknown {
  if (Buffer.byteLength(text) > DEFINITION_LIMIT_BYTES) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** An inner flow may read the variables of the flows around it, but not assign them, nor any of the same name. */
function checkVariables(flow: Flow, outer: ReadonlyMap<string, string>, problems: Problems): void {
  const own = new Map<string, string>();
  for (const state of flow.states.values()) {
    for (const variable of assignedVariables(state)) {
      const where = outer.get(variable);
      if (where !== undefined) {
        const message = `The variable '${variable}' is assigned by the outer state '${where}' and cannot be assigned in an inner scope`;
        problems.schema(message, `/States/${state.name}/Assign`);
      }
      if (!own.has(variable)) own.set(variable, state.name);
    }
  }
  const visible = new Map([...outer, ...own]);
  for (const state of flow.states.values()) {
    if (state.type === "Map") checkVariables(state.processor, visible, problems);
    if (state.type === "Parallel")
      for (const branch of state.branches) checkVariables(branch, visible, problems);
  }
}

function assignedVariables(state: State): string[] {
  if (state.type === "Fail") return [];
  const exits =
    state.type === "Choice"
      ? [...state.rules, ...(state.fallback ? [state.fallback] : [])]
      : // What a Catcher assigns was recorded as free to have the name of an inner variable.
        [state];
  return exits.flatMap((exit) => exit.assign.map(([variable]) => variable));
}
