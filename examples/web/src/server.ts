import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { checkHealth } from "./health.ts";
import { createCode, InvalidLinkError, isCode, type Link, parseTarget } from "./links.ts";
import { log } from "./log.ts";
import { renderPage } from "./page.ts";
import type { LinkStore } from "./store.ts";

const LARGEST_BODY_BYTES = 8_192;
const LINKS_ON_PAGE = 20;

interface Answer {
  readonly httpStatus: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/** The service's HTTP server, not yet listening. It does not own the store. */
export function createLinkServer(store: LinkStore, commit: string): Server {
  const server = createServer(async (request, response) => {
    const startedAt = performance.now();
    const answer = await answerSafely(store, commit, request);
    // While stopping, a kept-alive connection would hold the process for seconds after its last answer.
    if (!server.listening) response.shouldKeepAlive = false;
    send(response, request, answer);
    log("info", "request", {
      method: request.method ?? "",
      path: pathOf(request).slice(0, 200),
      status: answer.httpStatus,
      milliseconds: Math.round(performance.now() - startedAt),
    });
  });
  return server;
}

async function answerSafely(store: LinkStore, commit: string, request: IncomingMessage): Promise<Answer> {
  try {
    return await route(store, commit, request);
  } catch (error) {
    if (error instanceof InvalidLinkError) return json(400, { error: error.message });
    if (error instanceof BodyTooLargeError) return json(413, { error: error.message });
    log("error", "request failed", { error: error instanceof Error ? error.message : "unknown" });
    return json(500, { error: "Something went wrong on our side." });
  }
}

async function route(store: LinkStore, commit: string, request: IncomingMessage): Promise<Answer> {
  const pathname = pathOf(request);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const code = pathname.startsWith("/api/links/") ? pathname.slice("/api/links/".length) : pathname.slice(1);
  switch (`${method} ${pathname}`) {
    case "GET /":
      return html(200, renderPage(await store.latest(LINKS_ON_PAGE), { commit }));
    case "GET /health": {
      const health = await checkHealth(store, commit);
      return json(health.httpStatus, health.body);
    }
    case "GET /api/links":
      return json(200, { links: (await store.latest(LINKS_ON_PAGE)).map(toJson) });
    case "POST /api/links": {
      const link = await addLink(store, readUrlMember(await readBody(request)));
      return json(201, toJson(link), { location: `/api/links/${link.code}` });
    }
    case "POST /links":
      return addFromForm(store, commit, await readBody(request));
  }
  if (method !== "GET" || !isCode(code)) return json(404, { error: "There is nothing here." });
  if (pathname.startsWith("/api/")) {
    const link = await store.find(code);
    return link === undefined ? json(404, { error: "There is no such link." }) : json(200, toJson(link));
  }
  const target = await store.follow(code);
  return target === undefined
    ? json(404, { error: "There is no such link." })
    : { httpStatus: 302, headers: { location: target, "cache-control": "no-store" } };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?")[0] ?? "/";
}

async function addFromForm(store: LinkStore, commit: string, body: string): Promise<Answer> {
  try {
    await addLink(store, new URLSearchParams(body).get("url"));
    return { httpStatus: 303, headers: { location: "/" } };
  } catch (error) {
    if (!(error instanceof InvalidLinkError)) throw error;
    return html(400, renderPage(await store.latest(LINKS_ON_PAGE), { commit, problem: error.message }));
  }
}

async function addLink(store: LinkStore, url: unknown): Promise<Link> {
  const link = { url: parseTarget(url), createdAt: new Date() };
  // Two equal codes in a row mean that something other than chance is at work.
  for (let attempt = 0; attempt < 3; attempt++) {
    const code = createCode();
    if (await store.add({ ...link, code })) return { ...link, code, hits: 0 };
  }
  throw new Error("No free code was found in three attempts.");
}

function readUrlMember(body: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new InvalidLinkError('The body must be JSON, such as {"url":"https://example.org/"}.');
  }
  return typeof value === "object" && value !== null && "url" in value ? value.url : undefined;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST_BODY_BYTES)
      throw new BodyTooLargeError(`The body is larger than ${LARGEST_BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toJson(link: Link): Record<string, unknown> {
  return { code: link.code, url: link.url, createdAt: link.createdAt.toISOString(), hits: link.hits };
}

function json(httpStatus: number, value: unknown, headers: Record<string, string> = {}): Answer {
  const type = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return { httpStatus, headers: { ...type, ...headers }, body: `${JSON.stringify(value)}\n` };
}

function html(httpStatus: number, body: string): Answer {
  return {
    httpStatus,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    },
    body,
  };
}

function send(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  const body = Buffer.from(answer.body ?? "");
  response.writeHead(answer.httpStatus, {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    ...answer.headers,
    "content-length": body.length,
    // What is left of a refused body must not be taken for the next request.
    ...(request.complete ? {} : { connection: "close" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
