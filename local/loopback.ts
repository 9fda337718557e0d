import type { IncomingMessage } from "node:http";

/**
 * Why a request to a port of loopback is not for it; undefined if it is. A web page can have a name of its own resolve
 * to 127.0.0.1 and would then be let read the answers; but its browser says that name in the Host header, and what a
 * proxy might have forwarded does not count.
 */
export function refuseOtherHost({ headers: { host }, socket }: IncomingMessage): string | undefined {
  const { localPort } = socket;
  if (host === `127.0.0.1:${localPort}` || host === `localhost:${localPort}`) return undefined;
  return `The Host header must be 127.0.0.1:${localPort} or localhost:${localPort}.`;
}
