import { type ErrorName, SpillwayError } from "../core/errors.ts";

const throttles = new Set([
  "ThrottlingException",
  "Throttling",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "ProvisionedThroughputExceededException",
  "AccountLimitExceededException",
  "LimitExceededException",
]);

/** JSON services, Query services and EC2 each have a word for it. */
const denials = new Set(["AccessDeniedException", "AccessDenied", "UnauthorizedOperation"]);

const afterDenial =
  "Deploy this version of Spillway again, which gives each function its rights; if the right is there, a permissions boundary, a policy of the organization or of the resource takes it away.";

/**
 * Turns an SDK error into one of ours, so that the state machines can tell what is worth a retry: `Throttled` and
 * `AwsFault` (5xx, no connection) are, `AwsRefused` and `AccessDenied` are not. `names` maps exceptions that mean something here.
 */
export function asSpillwayError(
  action: string,
  error: unknown,
  names: Readonly<Record<string, ErrorName>> = {},
): SpillwayError {
  if (error instanceof SpillwayError) return error;
  const { name, message, status } = describe(error);
  const text = `${action}: ${name}: ${message}`;
  const meaning = names[name];
  if (meaning !== undefined) return new SpillwayError(meaning, text, { cause: error });
  if (denials.has(name))
    return new SpillwayError("AccessDenied", `${text}. ${afterDenial}`, { cause: error });
  if (throttles.has(name)) return new SpillwayError("Throttled", text, { cause: error });
  if (status === undefined || status >= 500) return new SpillwayError("AwsFault", text, { cause: error });
  return new SpillwayError("AwsRefused", text, { cause: error });
}

/** Runs one call to AWS; whatever it throws becomes one of our errors. */
export async function call<Answer>(
  action: string,
  run: () => Promise<Answer>,
  names: Readonly<Record<string, ErrorName>> = {},
): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    throw asSpillwayError(action, error, names);
  }
}

function describe(error: unknown): { name: string; message: string; status: number | undefined } {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), status: undefined };
  const metadata: unknown = "$metadata" in error ? error.$metadata : undefined;
  const status =
    typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata
      ? metadata.httpStatusCode
      : undefined;
  return {
    name: error.name,
    message: error.message,
    status: typeof status === "number" ? status : undefined,
  };
}
