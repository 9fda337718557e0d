import type { IncomingMessage, ServerResponse } from "node:http";
import { inject } from "light-my-request";
import type { Clock, Random } from "./asl/clock.ts";
import { type Codec, createCodec } from "./codec.ts";
import { administratorOf, type Caller } from "./iam/caller.ts";
import type { Demand } from "./iam/demand.ts";
import type { DemandsOf } from "./iam/demands/index.ts";
import { readJson } from "./json-body.ts";
import { AwsError, type Service } from "./service.ts";
import { uuid } from "./world.ts";

/** A request as the gateway sees it, whether it came over a socket or was handed over in process. */
export interface GatewayRequest {
  readonly method: string;
  /** Without the query: "/2015-03-31/functions/AdmitRelease/invocations". Still percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Aborted when the caller has gone. */
  readonly signal?: AbortSignal;
}

/** What the gateway answers. */
export interface GatewayResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A part of the local AWS that does not speak AWS JSON (Lambda's REST, STS's Query) or reads its own (DynamoDB). */
export interface Door {
  /** What it serves, unless it is no service of AWS's. */
  readonly served?: ServedOperations;
  accepts(request: GatewayRequest): boolean;
  /** What the caller must be allowed to do; unless given, what `permissions` say of an operation in AWS JSON. */
  demands?(request: GatewayRequest): readonly Demand[];
  /** May throw AwsError; the gateway turns it into a JSON answer. */
  handle(request: GatewayRequest, requestId: string, caller: Caller): Promise<GatewayResponse>;
  /** How it words an error of a request that it was not given, unless in JSON. */
  refuse?(error: AwsError, requestId: string): GatewayResponse;
}

/** A service by what precedes the dot of X-Amz-Target, or by its name if it has none, and what is implemented of it. */
export interface ServedOperations {
  readonly target: string;
  readonly operations: readonly string[];
}

/** A path that a Node request listener serves as it likes, with streams: the OCI registry. */
export interface RawRoute {
  /** "/v2/": everything beneath it goes to `listener`. */
  readonly prefix: string;
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
}

/** What the gateway is made of beside the services. */
export interface GatewayOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly doors?: readonly Door[];
  readonly routes?: readonly RawRoute[];
  /**
   * Who signed a request; an administrator of the account 000000000000 unless given. May throw AwsError. The raw
   * routes ask for themselves: their requests are not signed.
   */
  readonly identify?: (headers: GatewayRequest["headers"]) => Caller;
  /** What each operation demands, and who may do it. Throws AwsError AccessDeniedException. Everybody may, unless given. */
  readonly permissions?: {
    readonly demandsOf: DemandsOf;
    authorize(caller: Caller, demands: readonly Demand[]): void;
  };
  /** Told of every error that is the local AWS's own fault, which is answered with InternalFailure. */
  readonly onFault?: (where: string, error: unknown) => void;
}

/** All services of the local AWS behind one door. */
export interface Gateway {
  /** Answers a request. Never rejects: what goes wrong is an answer, too. */
  handle(request: GatewayRequest): Promise<GatewayResponse>;
  /** The raw route for a path; the listening side serves it with streams. */
  route(path: string): RawRoute | undefined;
  /** Everything that is implemented. */
  readonly served: readonly ServedOperations[];
}

interface Mounted {
  readonly service: Service;
  readonly codec: Codec;
}

/** Puts services behind one gateway. Throws TypeError when two services claim the same target. */
export function createGateway(services: readonly Service[], options: GatewayOptions): Gateway {
  const mounted = new Map<string, Mounted>();
  for (const service of services) {
    if (mounted.has(service.target)) throw new TypeError(`Two services claim the target ${service.target}.`);
    mounted.set(service.target, { service, codec: createCodec(service) });
  }
  const doors = options.doors ?? [];
  const identify = options.identify ?? (() => administratorOf("000000000000"));
  const route = (path: string) => options.routes?.find(({ prefix }) => path.startsWith(prefix));

  const dispatch = async (request: GatewayRequest, requestId: string): Promise<GatewayResponse> => {
    const raw = route(request.path);
    if (raw) return injectListener(options.clock, raw.listener, request);
    const door = doors.find((candidate) => candidate.accepts(request));
    if (door === undefined)
      return callOperation(mounted, request, identify(request.headers), options.permissions);
    const caller = admitAtDoor(door, request, requestId);
    return "status" in caller ? caller : door.handle(request, requestId, caller);
  };

  /** @returns the refusal if the door words those itself. */
  const admitAtDoor = (door: Door, request: GatewayRequest, requestId: string) => {
    try {
      const caller = identify(request.headers);
      const { permissions } = options;
      permissions?.authorize(
        caller,
        door.demands?.(request) ?? demandsOfJson(request, permissions.demandsOf),
      );
      return caller;
    } catch (error) {
      if (error instanceof AwsError && door.refuse !== undefined) return door.refuse(error, requestId);
      throw error;
    }
  };

  const handle = async (request: GatewayRequest): Promise<GatewayResponse> => {
    const requestId = uuid(options.random);
    try {
      const response = await dispatch(request, requestId);
      return { ...response, headers: { "x-amzn-requestid": requestId, ...response.headers } };
    } catch (error) {
      const where = request.headers["x-amz-target"] ?? `${request.method} ${request.path}`;
      if (!(error instanceof AwsError)) options.onFault?.(where, error);
      return errorResponse(asAwsError(error, where), mounted.get(targetOf(request)[0])?.codec, requestId);
    }
  };

  const served = [
    ...services.map(({ target, operations }) => ({ target, operations: Object.keys(operations).toSorted() })),
    ...doors.flatMap((door) => door.served ?? []),
  ];
  return { handle, route, served };
}

/**
 * One door to the gateways of several accounts.
 * @param elsewhere whose gateway answers a request, if it is not `home`; may throw, and `home` says why.
 */
export function joinGateways(
  home: Gateway,
  elsewhere: (request: GatewayRequest) => Gateway | undefined,
): Gateway {
  const choose = (request: GatewayRequest): Gateway => {
    if (home.route(request.path) !== undefined) return home;
    try {
      return elsewhere(request) ?? home;
    } catch {
      return home;
    }
  };
  return { ...home, handle: (request) => choose(request).handle(request) };
}

async function callOperation(
  mounted: ReadonlyMap<string, Mounted>,
  request: GatewayRequest,
  caller: Caller,
  permissions: GatewayOptions["permissions"],
): Promise<GatewayResponse> {
  const [target, name] = targetOf(request);
  const found = mounted.get(target);
  if (!found || request.method !== "POST") {
    throw new AwsError(
      "UnknownOperationException",
      target === ""
        ? `The local AWS serves nothing at ${request.method} ${request.path}.`
        : `The local AWS has no service ${target} (operation ${name}). It has ${[...mounted.keys()].join(", ")}.`,
      { status: 404 },
    );
  }
  const { service, codec } = found;
  if (!codec.operationNames.has(name)) {
    throw new AwsError(
      "UnknownOperationException",
      `${target} has no operation ${name || "(none was named)"}.`,
    );
  }
  const operation = Object.hasOwn(service.operations, name) ? service.operations[name] : undefined;
  if (!operation) {
    throw new AwsError(
      "NotImplemented",
      `The local AWS does not implement ${name} of ${target}. It implements ${Object.keys(service.operations).sort().join(", ")}.`,
      { status: 501 },
    );
  }
  // The codec read the input by the schema of this very operation, so it is what the operation takes.
  const input = (await codec.readInput(name, request.body)) as never;
  permissions?.authorize(caller, permissions.demandsOf(target, name, input));
  const output = await operation(input, { caller });
  const body = codec.writeOutput(name, output);
  const contentType = `application/x-amz-json-${service.protocol === "json1.0" ? "1.0" : "1.1"}`;
  return { status: 200, headers: { "content-type": contentType }, body };
}

/** What a request demands that a door reads for itself, if it is one of AWS JSON. */
function demandsOfJson(request: GatewayRequest, demandsOf: DemandsOf): readonly Demand[] {
  const [target, name] = targetOf(request);
  if (target === "") return [];
  try {
    return demandsOf(target, name, Object(readJson(request.body)));
  } catch {
    // The door says what is wrong with it.
    return [];
  }
}

/** Splits X-Amz-Target at its last dot: CloudFormation-style prefixes may hold dots themselves. */
function targetOf(request: GatewayRequest): [target: string, operation: string] {
  const header = request.headers["x-amz-target"] ?? "";
  const dot = header.lastIndexOf(".");
  return dot < 0 ? ["", header] : [header.slice(0, dot), header.slice(dot + 1)];
}

function asAwsError(error: unknown, where: string): AwsError {
  if (error instanceof AwsError) return error;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AwsError("InternalFailure", `The local AWS failed at ${where}: ${reason}`, { status: 500 });
}

function errorResponse(error: AwsError, codec: Codec | undefined, requestId: string): GatewayResponse {
  const body =
    codec?.writeError(error) ??
    new TextEncoder().encode(
      JSON.stringify({ __type: error.name, message: error.message, ...error.members }),
    );
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amzn-errortype": error.name,
    "x-amzn-requestid": requestId,
  };
  return { status: error.status, headers, body };
}

/**
 * Runs a Node request listener for a request that came without a socket. The body is held in memory both ways.
 * A virtual clock stands still meanwhile.
 */
export async function injectListener(
  clock: Clock,
  listener: RawRoute["listener"],
  request: GatewayRequest,
): Promise<GatewayResponse> {
  const answer = await clock.busy(
    inject((incoming, outgoing) => listener(incoming, outgoing), {
      // The caller's method is passed on as it is; the listener decides which it knows.
      method: injectable(request.method),
      url: { pathname: request.path, query: { ...request.query } },
      headers: { ...request.headers },
      payload: Buffer.from(request.body),
    }),
    `${request.method} ${request.path}`,
  );
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  return { status: answer.statusCode, headers, body: new Uint8Array(answer.rawPayload) };
}

const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"] as const;

function injectable(method: string): (typeof METHODS)[number] {
  const known = METHODS.find((candidate) => candidate === method.toUpperCase());
  if (known) return known;
  throw new AwsError("UnknownOperationException", `The method ${method} is not served.`, { status: 405 });
}
