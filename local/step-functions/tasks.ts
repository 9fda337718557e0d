import {
  type InterruptedTaskRunner,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  type TaskAttempt,
  TaskError,
  type TaskResource,
  type TaskRunner,
} from "../asl/index.ts";
import { demand } from "../iam/demand.ts";
import { authorizeRole, isRoleAllowed, type RoleSession } from "../iam/index.ts";
import type { InvokeFunction } from "../lambda/function.ts";
import { AwsError } from "../service.ts";
import { uuid, type World } from "../world.ts";
import type { ExecutionRecord } from "./executions.ts";

export interface TaskServices {
  readonly invoke: InvokeFunction;
  /** The ARN of what Invoke takes for a function, whether there is one or not. */
  readonly functionArn: (functionArnOrName: string) => string;
  /** Starts a nested execution; throws AwsError. */
  readonly start: (input: { stateMachineArn: string; input: string; name?: string }) => ExecutionRecord;
  /** An execution by its ARN, if there is one. */
  readonly find: (executionArn: string) => ExecutionRecord | undefined;
}

/** The integrations that `createTaskRunner` knows; a definition with any other is refused. */
export function isKnownResource(resource: TaskResource): boolean {
  if (resource.kind === "lambda") return true;
  const { service, action, pattern } = resource;
  if (service === "lambda" && action === "invoke") {
    return pattern === "request-response" || pattern === "waitForTaskToken";
  }
  return service === "states" && action === "startExecution";
}

/** Runs Task states: Lambda functions, and executions of other machines. */
export function createTaskRunner(world: World, services: TaskServices): TaskRunner {
  return async (task) => {
    const { target } = task;
    if (target.kind === "lambda") {
      return (await invoke(world, services, task, target.arn, task.arguments)).payload;
    }
    if (target.service === "lambda") return invokeIntegration(world, services, task);
    return startNested(world, services, task, target.pattern);
  };
}

/**
 * Says what became of the work of Task states when the local AWS was ended under it: a function's sandbox died with
 * it, as far as anybody can tell; a nested execution goes on, and is waited for again.
 */
export function createInterruptedTaskRunner(world: World, services: TaskServices): InterruptedTaskRunner {
  return async (task, submitted) => {
    const { target } = task;
    if (target.kind === "lambda" || target.service === "lambda") throw sandboxDied(world);
    const child = isObject(submitted) ? services.find(String(submitted.ExecutionArn)) : undefined;
    // That a child was started is kept in one go with the child itself: so there is none.
    if (child === undefined) return startNested(world, services, task, target.pattern);
    return untilEnded(world, task, child, target.pattern);
  };
}

/** As Lambda reports a sandbox that was killed while it ran. */
function sandboxDied({ random }: World): TaskError {
  const errorType = "Runtime.ExitError";
  const errorMessage = `RequestId: ${uuid(random)} Error: Runtime exited with error: signal: killed`;
  return new TaskError(errorType, JSON.stringify({ errorType, errorMessage, trace: [] }));
}

async function invokeIntegration(world: World, services: TaskServices, task: TaskAttempt): Promise<Json> {
  const fields = parameters(task, ["FunctionName"], ["Payload", "Qualifier", "InvocationType"]);
  const functionName = text(fields, "FunctionName") ?? "";
  const qualifier = text(fields, "Qualifier");
  if ((text(fields, "InvocationType") ?? "RequestResponse") !== "RequestResponse") {
    throw unusable(fields, "The field 'InvocationType' supports only RequestResponse here");
  }
  const name = qualifier === undefined ? functionName : `${functionName}:${qualifier}`;
  const answer = await invoke(world, services, task, name, fields.Payload ?? {});
  const headers = {
    Connection: "keep-alive",
    "Content-Length": String(Buffer.byteLength(answer.text)),
    "Content-Type": "application/json",
    Date: new Date(world.clock.now()).toUTCString(),
    "X-Amz-Executed-Version": answer.executedVersion,
  };
  return {
    ExecutedVersion: answer.executedVersion,
    Payload: answer.payload,
    ...sdkMembers(world, headers),
    StatusCode: 200,
  };
}

/** What AWS's own SDK adds to the answer of every integration. */
function sdkMembers(world: World, headers: Readonly<Record<string, string>>): JsonObject {
  const all = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return {
    SdkHttpMetadata: { AllHttpHeaders: all, HttpHeaders: headers, HttpStatusCode: 200 },
    SdkResponseMetadata: { RequestId: uuid(world.random) },
  };
}

async function invoke(
  world: World,
  services: TaskServices,
  task: TaskAttempt,
  functionName: string,
  input: Json,
) {
  const answer = await invokeAllowed(world, services, task, functionName, JSON.stringify(input)).catch(
    (error: unknown) => {
      throw serviceError(world, error, "Lambda", "AWSLambda");
    },
  );
  const value = answer.payload === "" ? null : parseJson(answer.payload);
  if (answer.functionError !== undefined) {
    const errorType =
      isObject(value) && typeof value.errorType === "string" ? value.errorType : "Lambda.Unknown";
    throw new TaskError(errorType, answer.payload);
  }
  return { payload: value, text: answer.payload, executedVersion: answer.executedVersion };
}

async function invokeAllowed(
  world: World,
  services: TaskServices,
  task: TaskAttempt,
  functionName: string,
  payload: string,
) {
  const functionArn = services.functionArn(functionName);
  authorizeRole(world, roleOf(task), demand("lambda:InvokeFunction", functionArn));
  // Without a signal: as in AWS, a function runs to its end although nobody waits for it any more.
  return services.invoke(functionName, payload);
}

/** The machine's role, as the execution has it. */
function roleOf({ context }: TaskAttempt): RoleSession {
  const { RoleArn, Name } = isObject(context.Execution) ? context.Execution : {};
  return { roleArn: typeof RoleArn === "string" ? RoleArn : undefined, sessionName: String(Name) };
}

async function startNested(
  world: World,
  services: TaskServices,
  task: TaskAttempt,
  pattern: string,
): Promise<Json> {
  const fields = parameters(task, ["StateMachineArn"], ["Input", "Name"]);
  const name = text(fields, "Name");
  const record = begin(world, services, task, {
    stateMachineArn: text(fields, "StateMachineArn") ?? "",
    input: inputText(fields.Input),
    ...(name === undefined ? {} : { name }),
  });
  const started: JsonObject = {
    ExecutionArn: record.executionArn,
    ...sdkMembers(world, { "Content-Type": "application/x-amz-json-1.0" }),
    StartDate: record.startDate.getTime(),
  };
  if (pattern === "request-response" || pattern === "waitForTaskToken") return started;
  task.submitted(started);
  return untilEnded(world, task, record, pattern);
}

async function untilEnded(
  world: World,
  task: TaskAttempt,
  record: ExecutionRecord,
  pattern: string,
): Promise<Json> {
  const mayStop = demand("states:StopExecution", record.executionArn);
  const stopChild = () => {
    if (isRoleAllowed(world, roleOf(task), mayStop))
      record.execution.stop(undefined, "The execution that started it was stopped, or its task timed out.");
  };
  task.signal.addEventListener("abort", stopChild, { once: true });
  const result = await record.ended;
  task.signal.removeEventListener("abort", stopChild);
  try {
    authorizeRole(world, roleOf(task), demand("states:DescribeExecution", record.executionArn));
  } catch (error) {
    throw serviceError(world, error, "StepFunctions", "AWSStepFunctions");
  }
  const description = describe(record, pattern === "sync:2");
  if (result.status === "SUCCEEDED") return description;
  throw new TaskError("States.TaskFailed", JSON.stringify(description));
}

function begin(
  world: World,
  services: TaskServices,
  task: TaskAttempt,
  input: Parameters<TaskServices["start"]>[0],
) {
  try {
    authorizeRole(world, roleOf(task), demand("states:StartExecution", input.stateMachineArn));
    return services.start(input);
  } catch (error) {
    throw serviceError(world, error, "StepFunctions", "AWSStepFunctions");
  }
}

/** Recorded: a text is taken as JSON text, null as {}. */
function inputText(input: Json | undefined): string {
  if (input === undefined || input === null) return "{}";
  return typeof input === "string" ? input : JSON.stringify(input);
}

/** The result of .sync, and the cause when it fails: DescribeExecution in AWS's order; .sync:2 decodes the texts. */
function describe(record: ExecutionRecord, isDecoded: boolean): JsonObject {
  const { executionArn, name, machine, status, input, startDate, stopDate, result } = record;
  const output = result?.outputText;
  const isSuccess = status === "SUCCEEDED";
  return {
    ...(result?.cause === undefined ? {} : { Cause: result.cause }),
    ...(result?.error === undefined ? {} : { Error: result.error }),
    ExecutionArn: executionArn,
    Input: isDecoded && isSuccess ? parseJson(input) : input,
    InputDetails: { Included: true },
    Name: name,
    ...(output === undefined ? {} : { Output: isDecoded ? parseJson(output) : output }),
    ...(output === undefined ? {} : { OutputDetails: { Included: true } }),
    ...(isSuccess
      ? {
          RedriveCount: record.redrives.count,
          RedriveStatus: "NOT_REDRIVABLE",
          RedriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
        }
      : {}),
    StartDate: startDate.getTime(),
    StateMachineArn: machine.stateMachineArn,
    Status: status,
    StopDate: stopDate?.getTime() ?? 0,
  };
}

/** The error of a service under the name and with the cause that an integration gives it. */
function serviceError(world: World, error: unknown, prefix: string, service: string): TaskError {
  if (error instanceof AwsError) {
    const name = error.name.endsWith("Exception") ? error.name : `${error.name}Exception`;
    const origin = `Service: ${service}; Status Code: ${error.status}; Error Code: ${error.name}`;
    const cause = `${error.message} (${origin}; Request ID: ${uuid(world.random)}; Proxy: null)`;
    return new TaskError(`${prefix}.${name}`, cause);
  }
  return new TaskError(
    `${prefix}.SdkClientException`,
    error instanceof Error ? error.message : String(error),
  );
}

function parameters(task: TaskAttempt, required: readonly string[], optional: readonly string[]): JsonObject {
  const fields = task.arguments;
  if (!isObject(fields)) throw unusable(fields, "They must be an object");
  for (const name of required) {
    if (fields[name] === undefined) throw unusable(fields, `The field '${name}' is required but was missing`);
  }
  for (const name of Object.keys(fields)) {
    if (required.includes(name) || optional.includes(name)) continue;
    throw unusable(fields, `The field '${name}' is not supported by Step Functions`);
  }
  return fields;
}

function text(fields: JsonObject, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw unusable(fields, `The value of the field '${name}' has an invalid format`);
}

/** As in AWS, arguments that no call can be made of end the execution. */
function unusable(fields: Json, why: string): TaskError {
  return new TaskError(
    "States.Runtime",
    `The Parameters '${JSON.stringify(fields)}' could not be used to start the Task: [${why}]`,
  );
}
