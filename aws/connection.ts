/**
 * How this installation reaches AWS. `fetch` and `requestHandler` are set where no socket may be opened:
 * everything else (region, credentials, endpoint) comes from the standard AWS environment variables.
 */
export interface Connection {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  readonly client: ClientSettings;
}

/** Settings given to every SDK client. */
export interface ClientSettings {
  readonly maxAttempts?: number;
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: Credentials | (() => Promise<Credentials>);
  readonly requestHandler?: object;
  /** Signs requests; the SDK's own unless given. */
  readonly signer?: { sign<Request>(request: Request): Promise<Request> };
  /** Told of each client that is made, and with which settings. */
  readonly onClient?: (client: object, settings: ClientSettings) => void;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The connection of a function in AWS, or on a laptop: the difference is AWS_ENDPOINT_URL, which the SDK reads itself. */
export function connect(): Connection {
  return { now: Date.now, fetch: globalThis.fetch, client: { maxAttempts: 3 } };
}
