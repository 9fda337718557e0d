/**
 * The names of what can go wrong. They are what the state machines retry and catch by, so they are
 * string literals: a minifier renames classes, never these.
 */
export type ErrorName =
  | "InvalidInput"
  | "InvalidConfig"
  | "UnknownService"
  | "ImageNotFound"
  | "MigrationImageMissing"
  | "RecordUnreadable"
  | "ReleaseNotFound"
  | "LeaseHeld"
  | "LeaseLost"
  | "TurnPassed"
  | "DeploymentRefused"
  | "DeploymentOpen"
  | "Superseded"
  | "Cancelled"
  | "NothingToCancel"
  | "NothingToResume"
  | "DatabaseUnreachable"
  | "StageFailed"
  | "StageFaulted"
  | "BuildFailed"
  | "OlderThanLive"
  | "Quarantined"
  | "MigrationFailed"
  | "MigrationNotStarted"
  | "MigrationStopping"
  | "MigrationResultMissing"
  | "SchemaUnknown"
  | "TargetBusy"
  | "TargetFailed"
  | "TargetRolledBack"
  | "DeploymentUnhealthy"
  | "HealthInconclusive"
  | "BakeFailed"
  | "BakeInconclusive"
  | "BakeUnproven"
  | "NothingToRollBackTo"
  | "AccountRefused"
  | "NotAllowed"
  | "NotApproved"
  | "NothingToDo"
  | "PushRefused"
  | "Throttled"
  | "AwsFault"
  | "AwsRefused"
  | "AccessDenied";

/**
 * An error of Spillway's own: `name` is what a machine catches, `message` says what was expected, what came
 * and what to do. Never holds a secret: both are shown in the console, the history and the logs.
 */
export class SpillwayError extends Error {
  override readonly name: ErrorName;
  constructor(name: ErrorName, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = name;
  }
}

/** A failed step as the state machines hand it on: `{ Error, Cause }` of a Catch, in our own spelling. */
export interface Failure {
  readonly error: string;
  readonly cause: string;
}

/**
 * The sentence a person should read from a Catch's Cause. A Lambda's cause is the JSON text
 * `{"errorType","errorMessage","trace"}`; anything else is shown as it is, cut to 5,000 characters: the last lines of
 * a build's log fit.
 */
export function readCause(cause: string | undefined): string {
  const text = cause ?? "";
  const message = lambdaMessage(text) ?? text;
  return message.length > 5000 ? `${message.slice(0, 4999)}…` : message;
}

function lambdaMessage(text: string): string | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || !("errorMessage" in parsed)) return undefined;
    return typeof parsed.errorMessage === "string" ? parsed.errorMessage : undefined;
  } catch {
    return undefined;
  }
}
