import { AwsError } from "../service.ts";

/** What a task definition, a service or a buildspec names: a secret, perhaps one key of it in one version. */
export interface SecretReference {
  /** Name or ARN. */
  readonly secretId: string;
  readonly jsonKey: string | undefined;
  readonly versionStage: string | undefined;
  readonly versionId: string | undefined;
}

/** `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME` has seven parts; a name has one. */
const ARN_PARTS = 7;

/**
 * Reads `NAME-OR-ARN[:json-key[:version-stage[:version-id]]]`, where parts may be left empty: the form that ECS and
 * App Runner take with ARNs and CodeBuild with names, too. Throws AwsError InvalidParameterException.
 */
export function parseSecretReference(text: string): SecretReference {
  const parts = text.split(":");
  const idParts = text.startsWith("arn:") ? ARN_PARTS : 1;
  const secretId = parts.slice(0, idParts).join(":");
  const [jsonKey, versionStage, versionId, ...more] = parts.slice(idParts);
  if (secretId === "" || parts.length < idParts || more.length > 0) {
    throw new AwsError(
      "InvalidParameterException",
      `The reference to a secret must be NAME-OR-ARN:json-key:version-stage:version-id, not ${text}.`,
    );
  }
  return {
    secretId,
    jsonKey: jsonKey || undefined,
    versionStage: versionStage || undefined,
    versionId: versionId || undefined,
  };
}

/** The text of one key of a secret that is a JSON object. Throws AwsError InvalidParameterException; never shows a value. */
export function readJsonKey(secretId: string, text: string, key: string): string {
  const members = parseObject(text);
  if (!members) {
    throw new AwsError(
      "InvalidParameterException",
      `The secret ${secretId} is not a JSON object, so it has no key ${key}.`,
    );
  }
  if (!members.has(key)) {
    throw new AwsError(
      "InvalidParameterException",
      `The secret ${secretId} did not contain json key ${key}.`,
    );
  }
  const value = members.get(key);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parseObject(text: string): Map<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? new Map(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}
