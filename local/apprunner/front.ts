import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Clock } from "../asl/clock.ts";
import { refuseOtherHost } from "../loopback.ts";

/** The stable address of a service; requests go to whichever instance is current. */
export interface Front {
  readonly url: string;
  /** Sends every request from now on to this port of loopback; undefined: nobody serves, 503. */
  switchTo(port: number | undefined): void;
  /** Settles when no request that went to `port` is unanswered. */
  drained(port: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens fronts. A simulation injects its own. */
export interface FrontDesk {
  /** @param onAnswer is told the HTTP status of every answer. */
  open(preferredPort?: number, onAnswer?: (status: number) => void): Promise<Front>;
}

/** Fronts on loopback ports of this machine: a small reverse proxy each. */
export function createFrontDesk(clock: Clock): FrontDesk {
  return { open: (preferred, onAnswer) => clock.busy(openFront(preferred, onAnswer)) };
}

async function openFront(preferredPort = 0, onAnswer = (_status: number) => {}): Promise<Front> {
  let current: number | undefined;
  const inFlight = new Map<number, number>();
  const waiters: (() => void)[] = [];
  const agent = new Agent({ keepAlive: true });

  const leave = (port: number) => {
    inFlight.set(port, (inFlight.get(port) ?? 1) - 1);
    for (const wake of waiters.splice(0)) wake();
  };

  const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const port = current;
    const otherHost = refuseOtherHost(incoming);
    if (otherHost !== undefined) return refuse(outgoing, 403, otherHost);
    outgoing.once("finish", () => onAnswer(outgoing.statusCode));
    if (port === undefined) return refuse(outgoing, 503, "no instance of the service is running");
    inFlight.set(port, (inFlight.get(port) ?? 0) + 1);
    outgoing.once("close", () => leave(port));
    forward(incoming, outgoing, port, agent, true);
  };

  const server = createServer(serve);
  await listenOn(server, preferredPort);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    switchTo: (next) => {
      current = next;
    },
    drained: async (old) => {
      while ((inFlight.get(old) ?? 0) > 0) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  port: number,
  agent: Agent,
  mayRetry: boolean,
): void {
  const retriable = mayRetry && (incoming.method === "GET" || incoming.method === "HEAD");
  const upstream = request({
    host: "127.0.0.1",
    port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
    agent,
  });
  upstream.on("response", (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
    answer.on("error", () => outgoing.destroy());
  });
  upstream.on("error", () => {
    // A kept-alive connection may close as we use it: a request that never arrived is asked once more.
    if (retriable && upstream.reusedSocket && !outgoing.headersSent)
      return forward(incoming, outgoing, port, agent, false);
    refuse(outgoing, 502, "the instance did not answer");
  });
  outgoing.on("close", () => upstream.destroy());
  if (retriable) upstream.end();
  else incoming.pipe(upstream);
}

function refuse(outgoing: ServerResponse, status: number, words: string): void {
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(status, { "content-type": "text/plain" }).end(words);
}

/** The port of an earlier run if it is free, so that a URL stays; else any. */
async function listenOn(server: Server, port: number): Promise<void> {
  const attempt = (wanted: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(wanted, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await attempt(port).catch(() => attempt(0));
}
