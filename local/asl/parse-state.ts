import { Fields } from "./fields.ts";
import type { JsonObject } from "./json.ts";
import { isObject, typeName } from "./json.ts";
import { parseCatchers, parseRetriers } from "./parse-errors.ts";
import { type FlowContext, parseFlow } from "./parse-flow.ts";
import { isActivity, parseResource, type TaskResource } from "./resource.ts";
import type {
  ChoiceState,
  Flow,
  MapState,
  ParallelState,
  State,
  TaskState,
  WaitState,
} from "./state-machine.ts";
import { isTimestamp } from "./timestamp.ts";
import { DISTRIBUTED_MAP_FIELDS } from "./unsupported.ts";

/** The longest TimeoutSeconds, HeartbeatSeconds and Seconds: 99,999,999 s, a little over three years. */
export const LONGEST_SECONDS = 99_999_999;

/** Compiles one state; undefined if it is so wrong that nothing can be made of it. */
export function parseState(
  name: string,
  object: JsonObject,
  context: FlowContext,
  location: string,
): State | undefined {
  const fields = new Fields(object, location, context.problems);
  const type = fields.required("Type");
  const language = fields.string("QueryLanguage");
  if (language !== undefined && language !== "JSONata" && language !== "JSONPath") {
    fields.problem(`Value is not valid, valid values are [JSONata, JSONPath]`, "QueryLanguage");
  }
  if (language === "JSONPath" && context.queryLanguage === "JSONata") {
    fields.problem("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine");
    return undefined;
  }
  if ((language ?? context.queryLanguage) === "JSONPath") {
    context.problems.unsupported("JSONPath", `The query language JSONPath of state '${name}'`, location);
    return undefined;
  }
  const parser = PARSERS[type];
  if (!parser) {
    if (type !== "") fields.problem(`Value is not valid, valid values are [${Object.keys(PARSERS)}]`, "Type");
    return undefined;
  }
  const state = parser(name, fields, context);
  fields.rejectOthers();
  return state;
}

type Parser = (name: string, fields: Fields, context: FlowContext) => State | undefined;

const PARSERS: Readonly<Record<string, Parser>> = {
  Pass: (name, fields) => ({ type: "Pass", ...leaving(name, fields) }),
  Succeed: (name, fields) => ({
    type: "Succeed",
    name,
    next: undefined,
    output: fields.template("Output"),
    assign: [],
  }),
  Fail: (name, fields) => ({
    type: "Fail",
    name,
    error: fields.textTemplate("Error"),
    cause: fields.textTemplate("Cause"),
  }),
  Wait: parseWait,
  Choice: parseChoice,
  Task: parseTask,
  Parallel: parseParallel,
  Map: parseMap,
};

function leaving(name: string, fields: Fields) {
  const next = fields.string("Next");
  const end = fields.raw("End");
  if (end !== undefined && typeof end !== "boolean") {
    fields.problem(`Expected value of type boolean, but got ${typeName(end)}`, "End");
  }
  if ((next === undefined) === (end !== true)) {
    fields.problem("Exactly one of the fields [Next, End] is required, and End must be true");
  }
  return { name, next, output: fields.template("Output"), assign: fields.assignments() };
}

function attempting(name: string, fields: Fields, context: FlowContext) {
  return {
    ...leaving(name, fields),
    retriers: parseRetriers(fields, context.problems),
    catchers: parseCatchers(fields, context.problems),
  };
}

function parseWait(name: string, fields: Fields): WaitState {
  const seconds = fields.numberTemplate("Seconds", 0, LONGEST_SECONDS);
  const timestamp = fields.textTemplate("Timestamp");
  if ((seconds === undefined) === (timestamp === undefined)) {
    fields.problem("Exactly one of the fields [Seconds, Timestamp] is required");
  }
  if (timestamp?.kind === "constant" && !isTimestamp(String(timestamp.value))) {
    fields.problem("String does not match RFC3339 timestamp", "Timestamp");
  }
  return { type: "Wait", ...leaving(name, fields), seconds, timestamp };
}

function parseChoice(name: string, fields: Fields, context: FlowContext): ChoiceState {
  const rules = fields.objects("Choices").map(({ object, location, fieldPrefix }) => {
    const rule = new Fields(object, location, context.problems, fieldPrefix);
    if (rule.raw("Condition") === undefined) rule.problem("These fields are required: [Condition]");
    const condition =
      typeof rule.raw("Condition") === "boolean"
        ? rule.template("Condition")
        : rule.expressionTemplate("Condition", "boolean");
    const parsed = {
      condition: condition ?? { kind: "constant" as const, value: false },
      next: rule.required("Next"),
      output: rule.template("Output"),
      assign: rule.assignments(),
    };
    rule.rejectOthers();
    return parsed;
  });
  if (rules.length === 0) fields.problem("Expected a list of at least one rule", "Choices");
  const next = fields.string("Default");
  const output = fields.template("Output");
  const assign = fields.assignments();
  return { type: "Choice", name, rules, fallback: next === undefined ? undefined : { next, output, assign } };
}

function parseTask(name: string, fields: Fields, context: FlowContext): TaskState {
  if (fields.raw("Credentials") !== undefined) {
    context.problems.unsupported("Credentials", "The field 'Credentials'", fields.at("Credentials"));
  }
  const timeoutSeconds = fields.numberTemplate("TimeoutSeconds", 1, LONGEST_SECONDS);
  const heartbeatSeconds = fields.numberTemplate("HeartbeatSeconds", 1, LONGEST_SECONDS);
  if (timeoutSeconds?.kind === "constant" && heartbeatSeconds?.kind === "constant") {
    const isSmaller = Number(heartbeatSeconds.value) < Number(timeoutSeconds.value);
    if (!isSmaller)
      fields.problem("HeartbeatSeconds must be smaller than TimeoutSeconds", "HeartbeatSeconds");
  }
  return {
    type: "Task",
    ...attempting(name, fields, context),
    resource: taskResource(fields, context),
    arguments: fields.template("Arguments"),
    timeoutSeconds,
    heartbeatSeconds,
  };
}

function taskResource(fields: Fields, context: FlowContext): TaskResource {
  const arn = fields.required("Resource");
  const resource = parseResource(arn);
  if (isActivity(arn)) context.problems.unsupported("Activities", "An activity", fields.at("Resource"));
  else if (arn !== "" && (!resource || !context.isKnownResource(resource))) {
    fields.problem(
      `The resource provided ${arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.`,
      "Resource",
    );
  }
  return resource ?? { kind: "lambda", arn };
}

function parseParallel(name: string, fields: Fields, context: FlowContext): ParallelState {
  const branches = fields.objects("Branches").map(({ object, location }) => {
    const branch = new Fields(object, location, context.problems);
    const flow = parseFlow(branch, context);
    branch.rejectOthers();
    return flow;
  });
  if (branches.length === 0) fields.problem("Expected a list of at least one branch", "Branches");
  const common = attempting(name, fields, context);
  return { type: "Parallel", ...common, arguments: fields.template("Arguments"), branches };
}

function parseMap(name: string, fields: Fields, context: FlowContext): MapState {
  for (const field of DISTRIBUTED_MAP_FIELDS) {
    if (fields.raw(field) === undefined) continue;
    context.problems.unsupported("Distributed Map", `The field '${field}'`, fields.at(field));
  }
  const items = Array.isArray(fields.raw("Items"))
    ? fields.template("Items")
    : fields.expressionTemplate("Items", "array");
  return {
    type: "Map",
    ...attempting(name, fields, context),
    items,
    itemSelector: fields.template("ItemSelector"),
    processor: parseProcessor(fields, context),
    maxConcurrency: fields.numberTemplate("MaxConcurrency", 0, Number.MAX_SAFE_INTEGER),
    toleratedFailureCount: fields.numberTemplate("ToleratedFailureCount", 0, Number.MAX_SAFE_INTEGER),
    toleratedFailurePercentage: fields.numberTemplate("ToleratedFailurePercentage", 0, 100, "real"),
  };
}

function parseProcessor(fields: Fields, context: FlowContext): Flow {
  // Iterator is the old name of ItemProcessor, which AWS still takes.
  const field =
    fields.raw("ItemProcessor") === undefined && fields.raw("Iterator") !== undefined
      ? "Iterator"
      : "ItemProcessor";
  const object = fields.raw(field);
  if (!isObject(object)) {
    fields.problem("These fields are required: [ItemProcessor]");
    return { startAt: "", states: new Map() };
  }
  const processor = new Fields(object, fields.at(field), context.problems);
  const config = processor.raw("ProcessorConfig");
  if (isObject(config) && config.Mode === "DISTRIBUTED") {
    context.problems.unsupported(
      "Distributed Map",
      "The mode DISTRIBUTED",
      processor.at("ProcessorConfig/Mode"),
    );
  } else if (config !== undefined && !(isObject(config) && (config.Mode ?? "INLINE") === "INLINE")) {
    processor.problem("Value is not valid, valid values are [INLINE]", "ProcessorConfig/Mode");
  }
  const flow = parseFlow(processor, context);
  processor.rejectOthers();
  return flow;
}
