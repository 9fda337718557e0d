import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { ClientSettings } from "../../aws/connection.ts";

type Stack = DynamoDBClient["middlewareStack"];

/** Nobody listens there: requests are handed over in process. */
const place = { protocol: "http:", hostname: "local", path: "/" };

/** What an SDK client else looks for in files at its first request, or works out anew for each. */
export const decided = {
  endpoint: `${place.protocol}//${place.hostname}`,
  defaultsMode: "standard",
  // What is tried once needs none that prepares for the next try.
  retryStrategy: { retry: <Args, Answer>(send: (args: Args) => Answer, args: Args) => send(args) },
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  accountIdEndpointMode: "disabled",
  endpointDiscoveryEnabled: false,
  disableClockSkewCorrection: true,
  authSchemePreference: [],
  userAgentAppId: "",
  defaultUserAgentProvider: async () => [],
  // With one that takes notes, it goes through every request and answer to leave out what is secret.
  logger: { debug: () => {}, warn: console.warn },
};

/** What says in headers what only a network or AWS's statistics want to know, or tells a logger that does not listen. */
const unheard = [
  "getUserAgentMiddleware",
  "recursionDetectionMiddleware",
  "contentLengthMiddleware",
  "hostHeaderMiddleware",
  "loggerMiddleware",
];

/** Signs a request, or says only whose it is. */
type Signer = NonNullable<ClientSettings["signer"]>;

/** Spares an SDK client what counts for nothing here and takes it long. */
export function lighten(client: object, { signer }: ClientSettings): void {
  const { middlewareStack, config }: { middlewareStack?: Stack; config?: object } = client;
  if (middlewareStack === undefined || config === undefined) return;
  for (const name of unheard) middlewareStack.remove(name);
  middlewareStack.add(passOn, {
    name: "retryMiddleware",
    step: "finalizeRequest",
    priority: "high",
    override: true,
  });
  if (signer !== undefined) signBy(middlewareStack, signer);
  leaveOutTheSearch(middlewareStack);
  Object.assign(config, { endpoint: async () => place });
  keepBehind(config);
}

/** Who has a signer that knows whose a request is needs none of the SDK's, which first look for credentials. */
function signBy(stack: Stack, signer: Signer): void {
  stack.remove("httpAuthSchemeMiddleware");
  stack.remove("httpSigningMiddleware");
  stack.add((next) => async (args) => next({ ...args, request: await signer.sign(args.request) }), {
    name: "signBy",
    step: "finalizeRequest",
  });
}

function passOn<Handler>(next: Handler): Handler {
  return next;
}

/** Each operation brings what works out where its requests go, and all go to the same place. */
function leaveOutTheSearch(stack: Stack): void {
  const { concat } = stack;
  stack.concat = (from) => {
    const whole = concat(from);
    whole.addRelativeTo(passOn, {
      name: "endpointV2Middleware",
      relation: "before",
      toMiddleware: "serializerMiddleware",
      override: true,
    });
    return whole;
  };
}

/** A client copies for each request, more than once, all settings that its object has of its own: now it has none. */
function keepBehind(settings: object): void {
  const behind = Object.defineProperties({}, Object.getOwnPropertyDescriptors(settings));
  for (const name of Object.keys(settings)) Reflect.deleteProperty(settings, name);
  Object.setPrototypeOf(settings, behind);
}
