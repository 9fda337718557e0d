import type * as sfn from "@aws-sdk/client-sfn";
import {
  InvalidDefinitionError,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  type Mock,
  type ParseOptions,
  parseJson,
  parseLoneState,
  parseStateMachine,
  type State,
  type StateTestResult,
  type TaskRunner,
  testState,
  UnfitMockError,
} from "../asl/index.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import { checkMockFields } from "./mock-fields.ts";
import { readContext } from "./mocked-context.ts";
import { isKnownResource } from "./tasks.ts";

type Request = sfn.TestStateCommandInput;
type Answer = Omit<sfn.TestStateCommandOutput, "$metadata">;

const MOCKABLE: readonly string[] = ["Task", "Map", "Parallel"];
/** What AWS calls a state that has no machine around it. */
const LONE_STATE = "StateName";

/** TestState: tries one state, with a mock for its work or, of a Task that calls and does not wait, for real. */
export function createStateTests(world: World, tasks: TaskRunner) {
  return async (request: Request): Promise<Answer> => {
    const definition = jsonOf("definition", request.definition ?? "");
    if (!isObject(definition)) throw invalid("The definition must be a JSON object");
    const raw = request.stateName === undefined ? definition : findState(definition, request.stateName);
    checkRequest(request, raw);
    const mock = mockOf(request.mock);
    checkMockFields(raw, request.mock);
    const context = request.context === undefined ? undefined : jsonOf("context", request.context);
    const name = uuid(world.random);
    try {
      const result = await testState({
        state: compile(request, definition, raw),
        input: jsonOf("input", request.input ?? "{}"),
        variables: objectOf("variables", request.variables ?? "{}"),
        mock,
        retryCount: request.stateConfiguration?.retrierRetryCount ?? 0,
        failedIterations: request.stateConfiguration?.mapIterationFailureCount ?? 0,
        items: itemsOf(request.stateConfiguration?.mapItemReaderData),
        tasks,
        clock: world.clock,
        random: world.random,
        execution: {
          executionArn: arn(world, "states", `express:${name}:${name}`),
          executionName: name,
          stateMachineArn: arn(world, "states", `stateMachine:${name}`),
          stateMachineName: name,
          roleArn: request.roleArn ?? `arn:aws:iam::${world.accountId}:role/none`,
        },
        context: context === undefined ? undefined : readContext(context, raw),
        region: world.region,
      });
      return answerOf(result, request.inspectionLevel ?? "INFO");
    } catch (error) {
      if (error instanceof UnfitMockError) throw invalid(error.message);
      if (error instanceof InvalidDefinitionError) throw new AwsError("InvalidDefinition", error.message);
      throw error;
    }
  };
}

/** What is refused before anything is compiled, in AWS's words. */
function checkRequest(
  { mock, roleArn, revealSecrets, context }: Request,
  { Type, Resource }: JsonObject,
): void {
  if (mock === undefined) {
    if (Type === "Map" || Type === "Parallel")
      throw new AwsError(
        "InvalidDefinition",
        "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
      );
    if (Type === "Task" && /\.(sync(:2)?|waitForTaskToken)$/.test(String(Resource)))
      throw new AwsError(
        "InvalidDefinition",
        "TestState API does not support tasks that wait (.sync, .waitForTaskToken) unless a mock is specified",
      );
    if (Type === "Task" && roleArn === undefined)
      throw invalid("RoleArn must be specified when testing a Task state");
    if (context !== undefined) throw invalid("Context can only be specified when a mock is specified");
    return;
  }
  if (mock.result !== undefined && mock.errorOutput !== undefined)
    throw invalid("A test mock should have only one of the following fields: [result, errorOutput].");
  if (revealSecrets === true)
    throw invalid("TestState does not support RevealSecrets when a mock is specified.");
  if (!MOCKABLE.includes(String(Type)))
    throw invalid(`State type '${String(Type)}' is not supported when a mock is specified`);
}

function compile(
  { stateName, mock }: Request,
  definition: JsonObject,
  { Type, QueryLanguage = definition.QueryLanguage }: JsonObject,
): State {
  // Unless it is called for real, nothing is called here; and no other state runs, whatever it is written in.
  const options: ParseOptions = {
    ...(Type === "Task" && mock === undefined ? { isKnownResource } : {}),
    tolerated: [
      "Distributed Map",
      "Activities",
      ...(QueryLanguage === "JSONata" ? ["JSONPath" as const] : []),
    ],
  };
  if (stateName === undefined) return parseLoneState(LONE_STATE, definition, options);
  const found = searchStates(parseStateMachine(definition, options).states, stateName);
  if (found === undefined) throw notFound();
  return found;
}

/** A state of a machine as it is written, however deep. */
function findState(part: Json, name: string): JsonObject {
  const found = seek(part, name);
  if (found === undefined) throw notFound();
  return found;
}

function seek(part: Json | undefined, name: string): JsonObject | undefined {
  if (isArray(part)) return firstOf(part, name);
  if (!isObject(part)) return undefined;
  const states = isObject(part.States) ? part.States : {};
  const own = Object.hasOwn(states, name) ? states[name] : undefined;
  if (isObject(own)) return own;
  return firstOf([...Object.values(states), part.ItemProcessor, part.Iterator, part.Branches], name);
}

function firstOf(parts: readonly (Json | undefined)[], name: string): JsonObject | undefined {
  for (const part of parts) {
    const found = seek(part, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function searchStates(states: ReadonlyMap<string, State>, name: string): State | undefined {
  const own = states.get(name);
  if (own !== undefined) return own;
  for (const state of states.values()) {
    const flows = state.type === "Parallel" ? state.branches : state.type === "Map" ? [state.processor] : [];
    for (const flow of flows) {
      const found = searchStates(flow.states, name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function mockOf(mock: sfn.MockInput | undefined): Mock | undefined {
  if (mock === undefined) return undefined;
  if (mock.errorOutput !== undefined) return { error: mock.errorOutput.error, cause: mock.errorOutput.cause };
  if (mock.result === undefined)
    throw invalid("A test mock should have one of the following fields: [result, errorOutput].");
  return { result: jsonOf("mock.result", mock.result) };
}

function itemsOf(text: string | undefined) {
  if (text === undefined) return undefined;
  const items = jsonOf("mapItemReaderData", text);
  if (!isArray(items)) throw invalid("mapItemReaderData is taken here only as a JSON array");
  return items;
}

function objectOf(what: string, text: string): JsonObject {
  const value = jsonOf(what, text);
  if (isObject(value)) return value;
  throw invalid(`'${what}' must be a JSON object`);
}

function jsonOf(what: string, text: string): Json {
  try {
    return parseJson(text);
  } catch {
    throw new AwsError(
      what === "definition"
        ? "InvalidDefinition"
        : what === "input"
          ? "InvalidExecutionInput"
          : "ValidationException",
      `'${what}' is not valid JSON`,
    );
  }
}

function answerOf({ inspection, ...result }: StateTestResult, level: sfn.InspectionLevel): Answer {
  return level === "INFO" ? result : { ...result, inspectionData: inspection };
}

function notFound(): AwsError {
  return invalid("State not found in definition");
}

function invalid(message: string): AwsError {
  return new AwsError("ValidationException", message);
}
