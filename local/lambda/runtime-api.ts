import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { refuseOtherHost } from "../loopback.ts";
import type { FunctionVersion, Invocation, InvocationResult } from "./function.ts";
import { platformFailure } from "./function.ts";

/** What the runtime of one sandbox asks for and tells. */
export interface RuntimeListener {
  /** It is ready for an invocation: `give` hands it one. It asks again after each. */
  onNext(give: (fn: FunctionVersion, payload: string, invocation: Invocation) => void): void;
  onInitError(result: InvocationResult): void;
  onResult(requestId: string, result: InvocationResult): void;
}

/** Lambda's Runtime API on a loopback port of its own. */
export interface RuntimeApi {
  /** Serves a sandbox under an id that cannot be guessed. @returns its AWS_LAMBDA_RUNTIME_API. */
  serve(id: string, listener: RuntimeListener): string;
  forget(id: string): void;
  close(): Promise<void>;
}

/** Lambda's limit of a synchronous answer (AWS documentation, "quotas"): 6 MB and a little for the envelope. */
const LARGEST_ANSWER_BYTES = 6_291_556;

/** Serves the Runtime API of version 2018-06-01 (AWS documentation, "Using the Lambda runtime API"). */
export async function createRuntimeApi(): Promise<RuntimeApi> {
  const listeners = new Map<string, RuntimeListener>();
  const server = createServer((request, response) => {
    answer(listeners, request, response).catch(() => response.destroy());
  });
  // A runtime keeps one connection for as long as it lives, however long it waits for its next invocation.
  server.keepAliveTimeout = 0;
  const port = await listen(server);
  return {
    serve(id, listener) {
      listeners.set(id, listener);
      return `127.0.0.1:${port}/${id}`;
    },
    forget: (id) => void listeners.delete(id),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  listeners: ReadonlyMap<string, RuntimeListener>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const otherHost = refuseOtherHost(request);
  if (otherHost !== undefined) return refuse(response, 403, "InvalidHost", otherHost);
  const [, id = "", version, runtime, subject, ...place] = (request.url ?? "").split("/");
  const listener = version === "2018-06-01" && runtime === "runtime" ? listeners.get(id) : undefined;
  if (listener === undefined) return refuse(response, 404, "InvalidRuntime", "There is no such runtime.");
  if (request.method === "GET" && subject === "invocation" && place[0] === "next") {
    return listener.onNext((fn, payload, invocation) => give(response, fn, payload, invocation));
  }
  const body = await readBody(request);
  if (subject === "init" && place[0] === "error") {
    listener.onInitError({ functionError: "Unhandled", payload: body ?? "{}" });
  } else if (subject === "invocation" && place[1] === "error") {
    listener.onResult(place[0] ?? "", { functionError: "Unhandled", payload: body ?? "{}" });
  } else if (subject === "invocation" && place[1] === "response") {
    listener.onResult(place[0] ?? "", body === undefined ? tooLarge() : { payload: body });
  } else {
    return refuse(response, 404, "InvalidPath", `The Runtime API has no ${request.method} ${subject}.`);
  }
  response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
}

function give(response: ServerResponse, fn: FunctionVersion, payload: string, invocation: Invocation): void {
  response.writeHead(200, {
    "content-type": "application/json",
    "lambda-runtime-aws-request-id": invocation.requestId,
    "lambda-runtime-deadline-ms": String(invocation.deadline),
    "lambda-runtime-invoked-function-arn": fn.arn,
    "spillway-log-stream": invocation.logStream,
  });
  response.end(payload);
}

function tooLarge(): InvocationResult {
  return platformFailure(
    "Function.ResponseSizeTooLarge",
    `Response payload size exceeded maximum allowed payload size (${LARGEST_ANSWER_BYTES} bytes).`,
  );
}

/** The body as text; undefined if it is larger than an answer may be. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= LARGEST_ANSWER_BYTES) chunks.push(chunk);
  }
  return bytes <= LARGEST_ANSWER_BYTES ? Buffer.concat(chunks).toString() : undefined;
}

function refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errorType, errorMessage }));
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
      else reject(new TypeError("The Runtime API listens without a port."));
    });
  });
}
