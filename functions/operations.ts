import type { Records } from "../aws/dynamodb.ts";
import type { AuditEntry } from "../core/audit.ts";
import { SpillwayError } from "../core/errors.ts";
import type { Action, Operation, OperationRequests } from "../core/operation.ts";
import type { Person } from "../core/person.ts";
import { approve, reject } from "./approving.ts";
import { cancel } from "./cancelling-by-hand.ts";
import { liftHold, liftQuarantine } from "./lifting.ts";
import type { Place } from "./middleware.ts";
import { overrideFreeze } from "./overriding-a-freeze.ts";
import { resumeLine, stopLine } from "./stopping-the-line.ts";

/** Who came to the operator's door, and when. */
export interface Caller {
  readonly person: Person;
  /** The ARN as AWS saw it, with its session: for the record, where `person` is for decisions. */
  readonly userArn: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Does what is asked for, at most once however often it is asked.
 * @returns what was done, in a sentence. @throws SpillwayError, and then nothing was done.
 */
export type Perform<A extends Action> = (
  request: OperationRequests[A],
  by: Caller,
  place: Place,
) => Promise<string>;

const performers: { readonly [A in Action]: Perform<A> } = {
  approve,
  reject,
  "stop-the-line": stopLine,
  "resume-the-line": resumeLine,
  "override-freeze": overrideFreeze,
  "lift-hold": liftHold,
  "lift-quarantine": liftQuarantine,
  cancel,
};

/** Does what an operation asks for. */
export function perform<A extends Action>(
  { action, request }: Operation<A>,
  by: Caller,
  place: Place,
): Promise<string> {
  return performers[action](request, by, place);
}

/**
 * What an operation is about, as its audit entry names it.
 * @throws SpillwayError UnknownService, ReleaseNotFound or InvalidInput: what is asked for names nothing of this
 *   installation, and leaves no entry.
 */
export async function subjectOf(
  { request }: Operation,
  records: Records,
): Promise<Pick<AuditEntry, "service" | "environment" | "release" | "digest">> {
  const { services } = (await records.installation()).config;
  const release = "release" in request ? await records.requireRelease(request.release) : undefined;
  const service = release?.service ?? ("service" in request ? request.service : "");
  const config = Object.hasOwn(services, service) ? services[service] : undefined;
  if (config === undefined)
    throw new SpillwayError(
      "UnknownService",
      `The configuration has no service ${service}; its services are ${Object.keys(services).join(", ") || "none"}.`,
    );
  const environment = "environment" in request ? request.environment : undefined;
  if (environment !== undefined && !Object.hasOwn(config.environments, environment))
    throw new SpillwayError(
      "InvalidInput",
      `${service} has no environment ${environment}; it has ${Object.keys(config.environments).join(", ")}.`,
    );
  const digest = "digest" in request ? request.digest : undefined;
  return { service, environment, release: release?.id, digest };
}
