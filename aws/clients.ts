import type { ClientSettings } from "./connection.ts";

/** What every client has. */
const common = {
  // The way of a request through the client is put together once for each operation and not for each request.
  cacheMiddleware: true,
  // The SDK goes through every request and answer to leave out of its log what is secret, even if nothing logs.
  logger: { warn: console.warn },
};

const made = new WeakMap<ClientSettings, Map<unknown, unknown>>();

/**
 * The SDK client of a kind for these settings, made at the first call: a client is slow to make, and one that is
 * kept keeps its sockets open from one invocation of a function to the next.
 */
export function clientOf<Client>(
  Kind: new (settings: ClientSettings) => Client,
  settings: ClientSettings,
): Client {
  const clients = made.get(settings) ?? new Map<unknown, unknown>();
  made.set(settings, clients);
  const known = clients.get(Kind);
  if (known instanceof Kind) return known;
  const client = new Kind({ ...common, ...settings });
  clients.set(Kind, client);
  return client;
}
