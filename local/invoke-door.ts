import type { Door, GatewayRequest, GatewayResponse } from "./gateway.ts";
import { demand } from "./iam/demand.ts";
import { decodeName } from "./lambda/path-segment.ts";
import { AwsError } from "./service.ts";

/**
 * Runs a function by name, ARN or qualified ARN. Rejects with AwsError ResourceNotFoundException when there is none.
 * The payload of a failed function is `{"errorType","errorMessage","trace"}`.
 */
export type InvokeFunction = (
  functionArnOrName: string,
  payload: string,
  signal?: AbortSignal,
) => Promise<{
  readonly payload: string;
  readonly functionError?: "Handled" | "Unhandled";
  readonly executedVersion: string;
}>;

/** Every path of Lambda's API begins with the date of its version. */
const API_PATH = /^\/20\d\d-\d\d-\d\d\//;
const PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
/** Lambda's limits of a synchronous and of an asynchronous invocation's payload (AWS documentation, quotas). */
const SYNCHRONOUS_LIMIT_BYTES = 6 * 1024 * 1024;
const ASYNCHRONOUS_LIMIT_BYTES = 1024 * 1024;

/**
 * Lambda's `Invoke` over its REST API: `POST /2015-03-31/functions/NAME/invocations`.
 * `X-Amz-Invocation-Type: Event` is answered at once and handed to `invokeLater`, which retries as Lambda does.
 */
export function createInvokeDoor(options: {
  invoke: InvokeFunction;
  invokeLater: (functionArnOrName: string, payload: string) => void;
  /** The ARN of what Invoke takes for a function, whether there is one or not. */
  functionArn: (functionArnOrName: string) => string;
}): Door {
  const handle = async (request: GatewayRequest): Promise<GatewayResponse> => {
    if (request.method !== "POST" || !PATH.test(request.path)) {
      const message = `The local AWS implements Invoke of Lambda and not ${request.method} ${request.path}.`;
      throw new AwsError("NotImplemented", message, { status: 501 });
    }
    const name = functionName(request);
    const payload = payloadOf(request);
    const type = request.headers["x-amz-invocation-type"] ?? "RequestResponse";
    if (type === "DryRun") return { status: 204, headers: {}, body: new Uint8Array() };
    if (type === "Event") {
      options.invokeLater(name, payload);
      return { status: 202, headers: {}, body: new Uint8Array() };
    }
    if (type !== "RequestResponse") {
      throw new AwsError("InvalidParameterValueException", `Unknown invocation type: ${type}`);
    }
    const result = await options.invoke(name, payload, request.signal);
    return {
      status: 200,
      headers: {
        "content-type": "application/json",
        "x-amz-executed-version": result.executedVersion,
        ...(result.functionError ? { "x-amz-function-error": result.functionError } : {}),
      },
      body: new TextEncoder().encode(result.payload),
    };
  };
  return {
    served: { target: "Lambda", operations: ["Invoke"] },
    accepts: (request) => API_PATH.test(request.path),
    demands: (request) =>
      demand(
        "lambda:InvokeFunction",
        options.functionArn(PATH.test(request.path) ? functionName(request) : ""),
      ),
    handle,
  };
}

function functionName(request: GatewayRequest): string {
  const name = decodeName(PATH.exec(request.path)?.[1] ?? "");
  const qualifier = request.query.Qualifier;
  return qualifier ? `${name}:${qualifier}` : name;
}

function payloadOf(request: GatewayRequest): string {
  const isEvent = request.headers["x-amz-invocation-type"] === "Event";
  const limit = isEvent ? ASYNCHRONOUS_LIMIT_BYTES : SYNCHRONOUS_LIMIT_BYTES;
  if (request.body.byteLength > limit) {
    throw new AwsError(
      "RequestTooLargeException",
      `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
      { status: 413 },
    );
  }
  const text = request.body.byteLength === 0 ? "{}" : new TextDecoder().decode(request.body);
  try {
    JSON.parse(text);
  } catch {
    throw new AwsError(
      "InvalidRequestContentException",
      "Could not parse request body into json: the payload must be one JSON value in UTF-8",
    );
  }
  return text;
}
