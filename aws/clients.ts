import type { ClientSettings } from "./connection.ts";

/** What every client has: the way of a request through it is put together once for each operation, not for each request. */
const common = { cacheMiddleware: true };

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
  const { onClient, ...given } = settings;
  const client = new Kind({ ...common, ...given });
  layOutAnew(client);
  onClient?.(Object(client), settings);
  clients.set(Kind, client);
  return client;
}

/**
 * A client copies its settings several times for each request, which takes V8 long for an object that was made member
 * by member; one that has been a prototype is laid out anew, and a request takes half the time.
 */
function layOutAnew(client: unknown): void {
  if (typeof client === "object" && client !== null && "config" in client)
    Object.create(Object(client.config));
}
