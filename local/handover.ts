import type { Clock } from "./asl/clock.ts";
import type { Gateway } from "./gateway.ts";

const encoder = new TextEncoder();

/** The part of an SDK client's request that counts here (`HttpRequest` of `@smithy/types`). */
interface ClientRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The part of an SDK client's response that it reads. */
export interface ClientResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** What an SDK client takes as its `requestHandler`. */
export interface HandoverRequestHandler {
  handle(request: ClientRequest, options?: { abortSignal?: unknown }): Promise<{ response: ClientResponse }>;
  destroy(): void;
  readonly metadata: { handlerProtocol: string };
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
}

/**
 * Makes a request handler that hands an SDK client's requests to the gateway in process: no socket, no timer.
 * Reading a streamed body is `busy` work to the clock; what the service does is not, since it may itself wait
 * for the clock (an invocation, an injected delay); services declare their own I/O.
 * Rejects with AbortError when the caller's signal is aborted first.
 */
export function createRequestHandler(gateway: Gateway, clock: Clock): HandoverRequestHandler {
  const handle: HandoverRequestHandler["handle"] = async (request, options) => {
    const signal = options?.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    if (signal?.aborted) throw abortError();
    const body =
      toBytes(request.body) ?? (await clock.busy(readStream(request.body), `body of ${request.path}`));
    const answering = gateway.handle({
      method: request.method,
      path: request.path,
      query: flattenQuery(request.query ?? {}),
      headers: lowerCased(request.headers),
      body,
      ...(signal ? { signal } : {}),
    });
    const { status, headers, body: answer } = await abortable(answering, signal);
    return { response: { statusCode: status, headers: { ...headers }, body: answer } };
  };
  return {
    handle,
    destroy: () => {},
    metadata: { handlerProtocol: "http/1.1" },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

function toBytes(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === "string") return encoder.encode(body);
  if (body instanceof Uint8Array) return body;
  return body instanceof ArrayBuffer ? new Uint8Array(body) : undefined;
}

async function readStream(body: unknown): Promise<Uint8Array> {
  if (!isAsyncIterable(body))
    throw new TypeError("A request body must be text, bytes or an async iterable of bytes.");
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(toBytes(chunk) ?? new Uint8Array());
  return Buffer.concat(chunks);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function flattenQuery(query: NonNullable<ClientRequest["query"]>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    flat[name] = Array.isArray(value) ? value.join(",") : (value ?? "");
  }
  return flat;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lower: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) lower[name.toLowerCase()] = value;
  return lower;
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortError());
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function abortError(): Error {
  const error = new Error("Request aborted");
  error.name = "AbortError";
  return error;
}
