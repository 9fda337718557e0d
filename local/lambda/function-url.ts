import type { Clock } from "../asl/clock.ts";
import type { Door, GatewayRequest, GatewayResponse } from "../gateway.ts";
import type { Caller } from "../iam/caller.ts";
import { accessKeyOf } from "../iam/credentials.ts";
import { demand } from "../iam/demand.ts";
import { AwsError } from "../service.ts";
import type { World } from "../world.ts";
import type { FunctionVersion, InvokeFunction } from "./function.ts";
import { decodeName } from "./path-segment.ts";

/** Where function URLs are served: beneath it a function's name, and then the path that the function is told. */
const prefix = "/lambda-url/";
const configPath = /^\/2021-10-31\/functions\/([^/]+)\/url$/;

/** What Lambda calls text in a body; every other content type is handed over in base64 (AWS documentation). */
const textTypes = /^(text\/|application\/(json|xml|javascript)\b)/;

/**
 * Function URLs with AuthType AWS_IAM, in payload format 2.0. In AWS each has a host of its own; on loopback they
 * share the gateway's, so the Host header stays what it must be: `http://127.0.0.1:PORT/lambda-url/NAME/`.
 * Also Lambda's `GetFunctionUrlConfig`, by which clients find them.
 */
export function createFunctionUrlDoor(
  world: Pick<World, "clock" | "accountId" | "endpoint">,
  options: {
    readonly list: () => readonly FunctionVersion[];
    readonly invoke: InvokeFunction;
    /** The ARN of what Invoke takes for a function, whether there is one or not. */
    readonly functionArn: (functionArnOrName: string) => string;
  },
): Door {
  const find = (name: string) =>
    options.list().find((fn) => fn.name === name && fn.functionUrl !== undefined);

  function describe(name: string): GatewayResponse {
    const fn = find(name.split(":").at(-1) ?? name);
    if (fn === undefined)
      throw new AwsError("ResourceNotFoundException", `The resource you requested does not exist.`, {
        status: 404,
        members: { Type: "User" },
      });
    return json(200, {
      AuthType: fn.functionUrl,
      FunctionArn: fn.arn.replace(/:\d+$/, ""),
      FunctionUrl: `${world.endpoint()}${prefix}${fn.name}/`,
      InvokeMode: "BUFFERED",
      CreationTime: new Date(world.clock.now()).toISOString(),
      LastModifiedTime: new Date(world.clock.now()).toISOString(),
    });
  }

  async function serve(request: GatewayRequest, requestId: string, caller: Caller): Promise<GatewayResponse> {
    const [name = "", ...rest] = request.path.slice(prefix.length).split("/");
    const fn = find(name);
    if (fn === undefined) return json(404, { Message: null });
    if (accessKeyOf(request.headers.authorization) === "") return json(403, { Message: "Forbidden" });
    const event = eventOf(request, { name, path: `/${rest.join("/")}`, caller, requestId, ...world });
    const { payload, functionError } = await options.invoke(name, JSON.stringify(event), request.signal);
    return functionError === undefined ? answerOf(payload) : text(502, "Internal Server Error");
  }

  return {
    served: { target: "Lambda", operations: ["GetFunctionUrlConfig"] },
    accepts: ({ path, method }) => path.startsWith(prefix) || (method === "GET" && configPath.test(path)),
    demands: ({ path }) => {
      const described = configPath.exec(path)?.[1];
      const name = decodeName(described ?? path.slice(prefix.length).split("/")[0] ?? "");
      const action = described === undefined ? "lambda:InvokeFunctionUrl" : "lambda:GetFunctionUrlConfig";
      return demand(action, options.functionArn(name).replace(/:\d+$/, ""));
    },
    async handle(request, requestId, caller) {
      const described = configPath.exec(request.path)?.[1];
      return described === undefined ? serve(request, requestId, caller) : describe(decodeName(described));
    },
  };
}

function eventOf(
  { method, query, headers, body }: GatewayRequest,
  call: {
    readonly name: string;
    readonly path: string;
    readonly caller: Caller;
    readonly requestId: string;
    readonly accountId: string;
    readonly clock: Clock;
  },
): object {
  const { name, path, caller, requestId, accountId } = call;
  const { arn: userArn } = caller;
  const now = call.clock.now();
  const { authorization: _, ...shown } = headers;
  const isText = textTypes.test(headers["content-type"] ?? "");
  const parameters = Object.keys(query).length > 0 ? { queryStringParameters: query } : {};
  const bytes = Buffer.from(body);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: shown,
    ...parameters,
    requestContext: {
      accountId,
      apiId: name,
      authentication: null,
      authorizer: {
        iam: {
          accessKey: accessKeyOf(headers.authorization),
          accountId: caller.accountId,
          callerId: userArn,
          cognitoIdentity: null,
          principalOrgId: null,
          userArn,
          userId: userArn,
        },
      },
      domainName: headers.host ?? "",
      domainPrefix: name,
      http: {
        method,
        path,
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: new Date(now).toUTCString(),
      timeEpoch: now,
    },
    ...(bytes.byteLength === 0 ? {} : { body: bytes.toString(isText ? "utf8" : "base64") }),
    isBase64Encoded: bytes.byteLength > 0 && !isText,
  };
}

/** A function answers with `{statusCode, headers, body}`, or with anything else, which is then the body itself. */
function answerOf(payload: string): GatewayResponse {
  const read: unknown = JSON.parse(payload);
  if (typeof read !== "object" || read === null || !("statusCode" in read)) return json(200, read);
  const answer: { statusCode?: unknown; headers?: unknown; body?: unknown; isBase64Encoded?: unknown } = read;
  const { statusCode, headers, body = "", isBase64Encoded } = answer;
  if (typeof statusCode !== "number" || typeof body !== "string") return text(502, "Internal Server Error");
  return {
    status: statusCode,
    headers: Object.fromEntries(
      Object.entries(Object(headers)).map(([name, value]) => [name.toLowerCase(), String(value)]),
    ),
    body: Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8"),
  };
}

function json(status: number, value: unknown): GatewayResponse {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(value)),
  };
}

function text(status: number, value: string): GatewayResponse {
  return { status, headers: { "content-type": "text/plain" }, body: Buffer.from(value) };
}
