import { isObject, type Json, type JsonObject } from "../asl/index.ts";
import { AwsError } from "../service.ts";

/** The members that a Context object may be given with, and the type of each. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, "string" | "number" | "any">>>> = {
  Execution: {
    Id: "string",
    Input: "any",
    Name: "string",
    RoleArn: "string",
    StartTime: "string",
    RedriveCount: "number",
    RedriveTime: "string",
  },
  State: { EnteredTime: "string", Name: "string", RetryCount: "number" },
  StateMachine: { Id: "string", Name: "string" },
  Task: { Token: "string" },
};

/** Checks what TestState is to show as `$states.context`, for a state as it is written. @throws AwsError */
export function readContext(context: Json, state: JsonObject): JsonObject {
  if (!isObject(context)) throw refused("It must be an object");
  if (context.Map !== undefined) throw refused("'Map' field is not supported when mocking a Context object");
  for (const [name, value] of Object.entries(context)) {
    const members = Object.hasOwn(MEMBERS, name) ? MEMBERS[name] : undefined;
    if (members === undefined) throw refused(`Field '${name}' is not allowed`);
    if (!isObject(value)) throw refused(`${name} must be an object`);
    checkMembers(name, value, members);
  }
  const waits = state.Type === "Task" && /\.(sync(:2)?|waitForTaskToken)$/.test(String(state.Resource));
  if (context.Task !== undefined && !waits)
    throw refused(
      "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
    );
  return context;
}

function checkMembers(
  name: string,
  value: JsonObject,
  members: Readonly<Record<string, "string" | "number" | "any">>,
): void {
  for (const [member, found] of Object.entries(value)) {
    const type = Object.hasOwn(members, member) ? members[member] : undefined;
    if (type === undefined) throw refused(`Field '${member}' is not allowed`);
    if (type !== "any" && typeof found !== type) throw refused(`${name}.${member} must be a ${type}`);
  }
}

function refused(why: string): AwsError {
  return new AwsError("ValidationException", `Invalid Context object provided: ${why}`);
}
