/** What a Task state calls: a Lambda function by its ARN, or an integration with a service. */
export type TaskResource = LambdaResource | IntegrationResource;

export interface LambdaResource {
  readonly kind: "lambda";
  readonly arn: string;
}

/** How an integration waits: not at all, for the job's end, or for its task token to come back. */
export type WaitPattern = "request-response" | "sync" | "sync:2" | "waitForTaskToken";

export interface IntegrationResource {
  readonly kind: "integration";
  readonly arn: string;
  /** `resourceType` of history events: "lambda", "states", "aws-sdk:dynamodb". */
  readonly service: string;
  /** "invoke", "startExecution", without the pattern. */
  readonly action: string;
  /** `resource` of history events: "invoke.waitForTaskToken". */
  readonly resource: string;
  readonly pattern: WaitPattern;
}

/** Parses a Task's Resource; undefined if it is none. An activity's ARN is none either (`isActivity`). */
export function parseResource(arn: string): TaskResource | undefined {
  if (/^arn:[^:]+:lambda:[^:]*:[^:]*:function:.+$/.test(arn)) return { kind: "lambda", arn };
  const match = /^arn:[^:]+:states:[^:]*:[^:]*:(aws-sdk:[\w-]+|[\w-]+):([\w-]+)(\..+)?$/.exec(arn);
  if (!match || isActivity(arn)) return undefined;
  const [, service = "", action = "", suffix = ""] = match;
  const pattern = suffix === "" ? "request-response" : waitPattern(suffix.slice(1));
  if (!pattern) return undefined;
  return { kind: "integration", arn, service, action, resource: action + suffix, pattern };
}

export function isActivity(arn: string): boolean {
  return /^arn:[^:]+:states:[^:]*:[^:]*:activity:/.test(arn);
}

function waitPattern(text: string): WaitPattern | undefined {
  return text === "sync" || text === "sync:2" || text === "waitForTaskToken" ? text : undefined;
}
