import { AwsError } from "../service.ts";
import { parseJsonPath, readJsonPath } from "./json-path.ts";

/** What a target makes of an event; at most one of the three is set, and none sends the event as it is. */
export interface TargetInput {
  /** A constant JSON text. */
  readonly input?: string | undefined;
  /** A JSON path: the part of the event that is sent. */
  readonly inputPath?: string | undefined;
  readonly inputTransformer?: InputTransformer | undefined;
}

/** Variables by name with the path of each in the event, and the template that uses them as `<name>`. */
export interface InputTransformer {
  readonly inputPathsMap?: Readonly<Record<string, string>> | undefined;
  readonly inputTemplate: string;
}

/** What the variables `<aws.events.…>` stand for. */
export interface PredefinedVariables {
  readonly ruleArn: string;
  readonly ruleName: string;
  /** When EventBridge received the event, in ISO 8601. */
  readonly ingestionTime: string;
}

const PLACEHOLDER = /<([A-Za-z0-9._-]+)>/g;
const PREDEFINED = new Set([
  "aws.events.rule-arn",
  "aws.events.rule-name",
  "aws.events.event",
  "aws.events.event.json",
  "aws.events.event.ingestion-time",
]);
const PATHS_LIMIT = 100;
const TEMPLATE_LIMIT_CHARACTERS = 8192;

/** Throws AwsError ValidationException when a target's input cannot work, as PutTargets does. */
export function checkTargetInput(target: TargetInput, targetId: string): void {
  const given = [target.input, target.inputPath, target.inputTransformer].filter(
    (part) => part !== undefined,
  );
  if (given.length > 1) {
    throw invalid(
      `Only one of Input, InputPath, or InputTransformer must be provided for target ${targetId}.`,
    );
  }
  if (target.input !== undefined && parseJson(target.input) === undefined) {
    throw invalid(`JSON syntax error in input for target ${targetId}.`);
  }
  if (target.inputPath !== undefined && !parseJsonPath(target.inputPath)) {
    throw invalid(`Invalid InputPath for target ${targetId}: ${target.inputPath}`);
  }
  if (target.inputTransformer) checkTransformer(target.inputTransformer, targetId);
}

function checkTransformer(transformer: InputTransformer, targetId: string): void {
  const paths = Object.entries(transformer.inputPathsMap ?? {});
  if (paths.length > PATHS_LIMIT) {
    throw invalid(`InputPathsMap for target ${targetId} has more than ${PATHS_LIMIT} entries.`);
  }
  for (const [name, path] of paths) {
    if (/^aws/i.test(name)) {
      throw invalid(
        `InputPathsMap for target ${targetId} contains reserved name ${name}: it must not begin with AWS.`,
      );
    }
    if (!parseJsonPath(path))
      throw invalid(`InputPathsMap for target ${targetId} has an invalid path ${path}.`);
  }
  const { inputTemplate } = transformer;
  if (inputTemplate === "" || inputTemplate.length > TEMPLATE_LIMIT_CHARACTERS) {
    throw invalid(
      `InputTemplate for target ${targetId} must have 1 to ${TEMPLATE_LIMIT_CHARACTERS} characters.`,
    );
  }
  const names = new Set(paths.map(([name]) => name));
  for (const [, name = ""] of inputTemplate.matchAll(PLACEHOLDER)) {
    if (names.has(name) || PREDEFINED.has(name)) continue;
    throw invalid(`InputTemplate for target ${targetId} contains invalid placeholder ${name}.`);
  }
}

function invalid(message: string): AwsError {
  return new AwsError("ValidationException", message);
}

/**
 * The text that a target receives for an event, or undefined when EventBridge drops the event silently: the
 * path leads nowhere, or the filled-in template is not JSON.
 */
export function renderTargetInput(
  target: TargetInput,
  event: Readonly<Record<string, unknown>>,
  predefined: PredefinedVariables,
): string | undefined {
  if (target.input !== undefined) return target.input;
  if (target.inputPath !== undefined) {
    const found = readJsonPath(event, parseJsonPath(target.inputPath) ?? []);
    return found === undefined ? undefined : JSON.stringify(found);
  }
  if (!target.inputTransformer) return JSON.stringify(event);
  return fillTemplate(target.inputTransformer, event, predefined);
}

function fillTemplate(
  transformer: InputTransformer,
  event: Readonly<Record<string, unknown>>,
  predefined: PredefinedVariables,
): string | undefined {
  const variables = new Map<string, unknown>();
  for (const [name, path] of Object.entries(transformer.inputPathsMap ?? {})) {
    variables.set(name, readJsonPath(event, parseJsonPath(path) ?? []));
  }
  for (const [name, value] of predefinedVariables(event, predefined)) variables.set(name, value);

  const template = transformer.inputTemplate;
  // A template is either one or more strings, each in quotes, or JSON.
  const isText = template.trimStart().startsWith('"');
  const inString = stringMap(template);
  const filled = template.replace(PLACEHOLDER, (_, name: string, offset: number) => {
    const value = variables.get(name);
    if (!inString[offset]) return JSON.stringify(value ?? (value === undefined ? "" : null));
    return insideString(value, isText);
  });
  if (!isText && parseJson(filled) === undefined) return undefined;
  return filled;
}

function predefinedVariables(
  event: Readonly<Record<string, unknown>>,
  predefined: PredefinedVariables,
): [string, unknown][] {
  // Recorded: this form of the event has no detail, calls the detail type otherwise and carries the ingestion time.
  const { detail: _detail, "detail-type": detailType, ...rest } = event;
  return [
    ["aws.events.rule-arn", predefined.ruleArn],
    ["aws.events.rule-name", predefined.ruleName],
    ["aws.events.event.ingestion-time", predefined.ingestionTime],
    ["aws.events.event", { ...rest, detailType, time: predefined.ingestionTime }],
    ["aws.events.event.json", event],
  ];
}

/**
 * A value in the middle of a string. Recorded: a string template shows structures without any quotes
 * (`{acc_id:1}`); in JSON their quotes stay, so that the result is no JSON and the event is dropped.
 */
function insideString(value: unknown, isText: boolean): string {
  if (value === undefined) return "";
  if (typeof value === "string") return JSON.stringify(value).slice(1, -1);
  const json = JSON.stringify(value);
  return isText ? json.replaceAll('"', "") : json;
}

/** For each character of a template: whether it is inside a quoted string. */
function stringMap(template: string): boolean[] {
  let inside = false;
  let escaped = false;
  return template.split("").map((character) => {
    if (character === '"' && !escaped) inside = !inside;
    escaped = character === "\\" && !escaped;
    return inside;
  });
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
