import * as lambda from "@aws-sdk/client-lambda";
import * as sfn from "@aws-sdk/client-sfn";
import type { $SchemaRef } from "@smithy/types";
import { isObject, type Json, type JsonObject, parseJson } from "../asl/index.ts";
import { AwsError } from "../service.ts";
import { operationSchemas, shapeOf } from "../shape.ts";

/** What the mock of a Task must look like: the answer of the operation that it calls, of which it may be but a part. */
const ANSWERS: Readonly<Record<string, $SchemaRef | undefined>> = {
  "arn:aws:states:::lambda:invoke": operationSchemas(lambda).get("Invoke")?.[5],
  "arn:aws:states:::states:startExecution": operationSchemas(sfn).get("StartExecution")?.[5],
  "arn:aws:states:::states:startExecution.sync": operationSchemas(sfn).get("DescribeExecution")?.[5],
  "arn:aws:states:::states:startExecution.sync:2": operationSchemas(sfn).get("DescribeExecution")?.[5],
};
/** What Step Functions decodes before a state sees it, so that it is JSON of any kind. */
const FREE: ReadonlySet<string> = new Set(["Payload", "Input", "Output"]);

/**
 * Checks the result of a mock against the service's own schema, unless that is not wanted.
 * @throws AwsError ValidationException, in AWS's words
 */
export function checkMockFields(state: JsonObject, mock: sfn.MockInput | undefined): void {
  const schema = ANSWERS[String(state.Resource)];
  const { result, fieldValidationMode = "STRICT" } = mock ?? {};
  if (schema === undefined || result === undefined || fieldValidationMode === "NONE") return;
  const value = parseJson(result);
  if (isObject(value)) checkStructure(schema, value, fieldValidationMode === "STRICT");
}

function checkStructure(schema: $SchemaRef, value: JsonObject, isStrict: boolean): void {
  const shape = shapeOf(schema);
  if (shape?.kind !== "structure") return;
  for (const [index, member] of shape.members.entries()) {
    const name = inStates(member);
    const found = value[name];
    if (found === undefined && isStrict && index < shape.required)
      throw unfit(`Required field '${name}' is missing`);
    const type = shape.schemas[index];
    if (found !== undefined && type !== undefined && !FREE.has(name)) checkField(name, type, found, isStrict);
  }
}

function checkField(name: string, schema: $SchemaRef, value: Json, isStrict: boolean): void {
  const shape = shapeOf(schema);
  if (shape?.kind === "structure") {
    if (!isObject(value)) throw unfit(`Field '${name}' must be an object`);
    checkStructure(schema, value, isStrict);
  }
  if (shape?.kind !== "simple") return;
  const type = TYPES[shape.wanted] ?? "string";
  if (typeof value !== type) throw unfit(`Field '${name}' must be a ${type}`);
}

/** How Step Functions writes what is no text by nature: a moment as text. */
const TYPES: Readonly<Record<string, "number" | "boolean">> = { Number: "number", Boolean: "boolean" };

/** Step Functions writes the members of all services with a capital. */
function inStates(member: string): string {
  return member.slice(0, 1).toUpperCase() + member.slice(1);
}

function unfit(why: string): AwsError {
  return new AwsError("ValidationException", `Mock result schema validation error: ${why}`);
}
