import * as z from "zod/mini";
import { SpillwayError } from "./errors.ts";
import { Digest } from "./image.ts";
import { listProblems, parse } from "./parse.ts";

const word = z.string().check(z.minLength(1), z.maxLength(200));
const Reason = z
  .string()
  .check(
    z.trim(),
    z.regex(/^\P{Cc}*$/u, "say why in one line, without control characters"),
    z.minLength(3, "say why, in a few words"),
    z.maxLength(500, "say why in at most 500 characters"),
  );
const service = word;
const environment = word;
const release = word;

/** What a person can ask for at the operator's door, and what must be said with it. */
const shapes = {
  /** Approves the image of a release for an environment that demands it. */
  approve: z.strictObject({ release, environment, reason: z.optional(Reason) }),
  /** Ends its way into that environment; the reason is its reason. */
  reject: z.strictObject({ release, environment, reason: Reason }),
  /** Stops deploys and promotions, in one environment or in all of the service's; never a rollback or a recovery. */
  "stop-the-line": z.strictObject({ service, environment: z.optional(environment), reason: Reason }),
  "resume-the-line": z.strictObject({ service, environment: z.optional(environment), reason: Reason }),
  /** Lets one release go in spite of a freeze window of its environment. */
  "override-freeze": z.strictObject({ release, environment, reason: Reason }),
  /** Lets an environment take pushes again that are not newer than what was taken back there. */
  "lift-hold": z.strictObject({ service, environment, reason: Reason }),
  /** Lets a digest be deployed again that was found unhealthy, by anybody and without force. */
  "lift-quarantine": z.strictObject({ service, digest: Digest, reason: Reason }),
  /** Ends a release wherever it is, and cleans up after it. */
  cancel: z.strictObject({ release, reason: Reason }),
} as const;

export type Action = keyof typeof shapes;

/** What each action is asked with. */
export type OperationRequests = { [A in Action]: z.infer<(typeof shapes)[A]> };

const operationShapes: { readonly [A in Action]: z.ZodMiniType<OperationRequests[A]> } = shapes;

/** One thing asked for at the operator's door: `{"action":"stop-the-line","service":"web","reason":"…"}`, read. */
export type Operation<A extends Action = Action> = {
  [K in A]: { readonly action: K; readonly request: OperationRequests[K] };
}[A];

/** A body that is right for each action, to be shown where one was wrong. */
export const operationExamples: OperationRequests = {
  approve: { release: "web-3f2a91c0d4e5-1", environment: "production" },
  reject: { release: "web-3f2a91c0d4e5-1", environment: "production", reason: "not before the holidays" },
  "stop-the-line": { service: "web", environment: "production", reason: "the payment provider is down" },
  "resume-the-line": { service: "web", environment: "production", reason: "the payment provider is back" },
  "override-freeze": {
    release: "web-3f2a91c0d4e5-1",
    environment: "production",
    reason: "it mends the outage",
  },
  "lift-hold": { service: "web", environment: "production", reason: "the fault was not in that release" },
  "lift-quarantine": {
    service: "web",
    digest: `sha256:${"3f2a91c0".repeat(8)}`,
    reason: "its secret was wrong and is right now",
  },
  cancel: { release: "web-3f2a91c0d4e5-1", reason: "it was pushed by mistake" },
};

/** Every action, in the order in which people are told of them. */
export const actions = Object.keys(shapes).filter(isAction);

/** What an action is asked with, in order, besides the reason: `{"name":"environment","optional":true}`. */
export function parametersOf(action: Action): { readonly name: string; readonly optional: boolean }[] {
  return Object.entries(shapes[action].shape)
    .filter(([name]) => name !== "reason")
    .map(([name, member]) => ({ name, optional: member instanceof z.ZodMiniOptional }));
}

export function isAction(text: unknown): text is Action {
  return typeof text === "string" && Object.hasOwn(shapes, text);
}

/**
 * Reads the body of a request to the operator's door.
 * @throws SpillwayError InvalidInput with what is wrong and a body that is right.
 */
export function readOperation(body: string): Operation {
  const { action, ...members } = readObject(body);
  if (!isAction(action)) {
    const came = action === undefined ? "the body names no action" : `there is no action ${show(action)}`;
    throw invalid(`${came}; the actions are ${actions.join(", ")}; for example ${example("stop-the-line")}`);
  }
  return readRequest(action, members);
}

function readRequest<A extends Action>(action: A, members: object): Operation<A> {
  const request = parse(operationShapes[action], members, (problems) =>
    invalid(`${action}: ${listProblems(problems, "body")}; for example ${example(action)}`),
  );
  return { action, request };
}

function readObject(body: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(body);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return { ...read };
  } catch {
    throw invalid(`the body is not JSON; send one JSON object, for example ${example("stop-the-line")}`);
  }
  throw invalid(`the body is not a JSON object; send one, for example ${example("stop-the-line")}`);
}

function example(action: Action): string {
  return JSON.stringify({ action, ...operationExamples[action] });
}

function show(value: unknown): string {
  return JSON.stringify(value).slice(0, 60);
}

function invalid(message: string): SpillwayError {
  return new SpillwayError("InvalidInput", `${message}.`);
}
