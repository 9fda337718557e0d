import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Gateway, GatewayResponse } from "./gateway.ts";
import { refuseOtherHost } from "./loopback.ts";

/** API calls are read into memory up to this size; images go over the raw routes, which stream. */
const BODY_LIMIT_BYTES = 32 * 1024 * 1024;
/** How many ports after the wanted one are tried before any free port is taken. */
const PORTS_TRIED = 20;
/** Longer than any SDK keeps an idle connection, so that it is the client who closes it and no request meets a closed socket. */
const KEEP_ALIVE_MILLISECONDS = 120_000;

/** A gateway that listens on loopback. */
export interface ListeningGateway {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Stops listening and ends every open connection. */
  close(): Promise<void>;
}

/** The port that was demanded is taken by another process. */
export class PortInUseError extends Error {
  override readonly name = "PortInUseError";
  readonly port: number;
  constructor(port: number) {
    super(
      `Port ${port} of 127.0.0.1 is in use by another process. End that process, give another port, or give none to take the next free one.`,
    );
    this.port = port;
  }
}

/**
 * Listens on 127.0.0.1 only. Takes `port`, or the next free one unless it was `demanded`; port 0 is any free one.
 * Throws PortInUseError when the demanded port is taken.
 */
export async function listen(
  gateway: Gateway,
  options: { port: number; demanded?: boolean },
): Promise<ListeningGateway> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MILLISECONDS }, (request, response) => {
    serve(gateway, request, response).catch(() => response.destroy());
  });
  const port = await bind(server, candidates(options));
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function candidates({ port, demanded }: { port: number; demanded?: boolean }): number[] {
  if (demanded || port === 0) return [port];
  return [...Array.from({ length: PORTS_TRIED }, (_, step) => port + step).filter((one) => one < 65_536), 0];
}

async function bind(server: Server, ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    try {
      return await bindTo(server, port);
    } catch (error) {
      if (!(error instanceof PortInUseError) || port === ports.at(-1)) throw error;
    }
  }
  throw new RangeError("No port was given to listen on.");
}

function bindTo(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off("listening", onListening);
      reject(error.code === "EADDRINUSE" ? new PortInUseError(port) : error);
    };
    const onListening = () => {
      server.off("error", onError);
      resolve(portOf(server.address(), port));
    };
    server.once("error", onError);
    server.once("listening", onListening);
    server.listen({ port, host: "127.0.0.1", exclusive: true });
  });
}

function portOf(address: AddressInfo | string | null, fallback: number): number {
  return typeof address === "object" && address ? address.port : fallback;
}

async function serve(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = refusalOf(request);
  if (refusal) return refuse(request, response, 403, "AccessDeniedException", refusal);
  const url = parseUrl(request.url ?? "/");
  if (!url) return refuse(request, response, 400, "ValidationException", "The request's URL cannot be read.");
  const raw = gateway.route(url.pathname);
  if (raw) return raw.listener(request, response);

  const body = await readBody(request);
  if (body === "too large") {
    const limit = `${BODY_LIMIT_BYTES / 1024 / 1024} MiB`;
    return refuse(request, response, 413, "RequestEntityTooLarge", `A request may have ${limit} at most.`);
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  send(
    response,
    await gateway.handle({
      method: request.method ?? "GET",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: flatten(request),
      body,
      signal: gone.signal,
    }),
  );
}

/**
 * Why a request is not served: a web page must not reach the local AWS, neither by a name that it has resolve
 * to 127.0.0.1 (then the Host header is that name) nor directly (then the browser says from where it comes).
 */
function refusalOf(request: IncomingMessage): string | undefined {
  const otherHost = refuseOtherHost(request);
  if (otherHost !== undefined) return otherHost;
  const { host, origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`) return "Requests of other origins are not served.";
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return "Requests of other sites are not served.";
  }
  return undefined;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text, "http://127.0.0.1") ? new URL(text, "http://127.0.0.1") : undefined;
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | "too large"> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_LIMIT_BYTES) return "too large";
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.from(chunk);
    size += bytes.byteLength;
    if (size > BODY_LIMIT_BYTES) return "too large";
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}

function flatten(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return headers;
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  name: string,
  message: string,
): void {
  // The rest of the body is not read, so the connection cannot be used again.
  request.resume();
  const body = Buffer.from(JSON.stringify({ __type: name, message }));
  send(response, {
    status,
    headers: { "content-type": "application/json", "x-amzn-errortype": name, connection: "close" },
    body,
  });
}

function send(response: ServerResponse, answer: GatewayResponse): void {
  if (response.destroyed) return;
  response.writeHead(answer.status, { ...answer.headers, "content-length": answer.body.byteLength });
  response.end(answer.body);
}
