import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import type { AuditEntry } from "../core/audit.ts";
import { type ErrorName, SpillwayError } from "../core/errors.ts";
import { readOperation } from "../core/operation.ts";
import { readPerson } from "../core/person.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { type Caller, perform, subjectOf } from "./operations.ts";

/** What a Lambda function URL hands over, in payload format 2.0, as far as it counts here. */
const Event = z.object({
  body: z.optional(z.string()),
  isBase64Encoded: z.boolean(),
  requestContext: z.object({
    requestId: z.string(),
    http: z.object({ method: z.string() }),
    // AWS has checked the signature before it says who signed; only AuthType AWS_IAM has this member.
    authorizer: z.object({ iam: z.object({ userArn: z.string() }) }),
  }),
});

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a person asks for fits in less. */
const largestBodyBytes = 16_384;

/**
 * The operator's door: the only way in by which Spillway knows who asks. Every request that names something of this
 * installation leaves an audit entry, whether it is done or refused.
 */
export const operate: FunctionDefinition<typeof Event, Answer> = {
  name: "Operate",
  input: Event,
  async run({ body = "", isBase64Encoded, requestContext }, place) {
    const { requestId, http, authorizer } = requestContext;
    const { userArn } = authorizer.iam;
    try {
      if (http.method !== "POST") return answer(405, "InvalidInput", "Send what is to be done with POST.");
      const person = readPerson(userArn);
      if (person === undefined)
        return answer(403, "NotAllowed", `${userArn} is no user, role or account that could be asked why.`);
      const text = decode(body, isBase64Encoded);
      if (text === undefined)
        return answer(413, "InvalidInput", `The body may have ${largestBodyBytes} bytes at most.`);
      const by: Caller = { person, userArn, at: place.connection.now() };
      return await carryOut(text, by, requestId, place);
    } catch (error) {
      if (error instanceof SpillwayError)
        return answer(statuses[error.name] ?? 400, error.name, error.message);
      throw error;
    }
  },
};

/** Writes the audit entry, does what is asked, and completes the entry. */
async function carryOut(body: string, by: Caller, requestId: string, place: Place): Promise<Answer> {
  const records = connectRecords(place.connection, place.environment.table);
  const operation = readOperation(body);
  const { action, request } = operation;
  const subject = await subjectOf(operation, records);
  const entry: AuditEntry = {
    ...subject,
    at: by.at,
    id: requestId,
    by: by.userArn,
    action,
    reason: request.reason,
  };
  await records.openAudit(entry);
  try {
    const done = await perform(operation, by, place);
    await records.closeAudit(entry, { done });
    const headers = { "content-type": "application/json" };
    return { statusCode: 200, headers, body: JSON.stringify({ action, by: by.userArn, done }) };
  } catch (error) {
    if (error instanceof SpillwayError)
      await records.closeAudit(entry, { refused: `${error.name}: ${error.message}` });
    throw error;
  }
}

function decode(body: string, isBase64Encoded: boolean): string | undefined {
  const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  return bytes.byteLength > largestBodyBytes ? undefined : bytes.toString("utf8");
}

/** HTTP statuses of the errors that are not simply a wrong request. */
const statuses: Partial<Readonly<Record<ErrorName, number>>> = {
  NotAllowed: 403,
  ReleaseNotFound: 404,
  UnknownService: 404,
  NothingToDo: 409,
  NothingToCancel: 409,
  DeploymentRefused: 409,
  Throttled: 503,
  AwsFault: 503,
  AwsRefused: 500,
  InvalidConfig: 500,
  RecordUnreadable: 500,
};

function answer(statusCode: number, error: ErrorName, message: string): Answer {
  const headers = { "content-type": "application/json", "x-amzn-errortype": error };
  return { statusCode, headers, body: JSON.stringify({ error, message }) };
}

export const handler = createHandler(operate);
