import { AwsError } from "../service.ts";

/** What somebody of another account wants to do with a thing. */
export interface ForeignRequest {
  /** Twelve digits. */
  readonly accountId: string;
  /** `events:PutEvents` */
  readonly action: string;
  /** Condition key → the request's value: `events:source` → `aws.ecs`. */
  readonly keys?: Readonly<Record<string, string>>;
}

interface PolicyStatement {
  readonly Effect?: string;
  readonly Principal?: { readonly AWS?: string | readonly string[] };
  readonly Action?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * Refuses a policy that this file could not judge: only statements that allow whole accounts something, under
 * StringEquals if under anything.
 * @throws AwsError MalformedPolicyDocument, NotImplemented.
 */
export function checkResourcePolicy(policy: string): void {
  for (const { Effect, Condition = {} } of statementsOf(policy)) {
    const other = Object.keys(Condition).find((test) => test !== "StringEquals");
    if (Effect !== "Allow" || other !== undefined)
      throw new AwsError(
        "NotImplemented",
        `The local AWS knows resource policies that Allow under StringEquals, not ${other ?? `the effect ${Effect}`}.`,
        { status: 501 },
      );
  }
}

/** Whether a thing's policy lets somebody of another account do something with it. Without a policy nobody may. */
export function grantsForeigner(policy: string | undefined, request: ForeignRequest): boolean {
  if (policy === undefined) return false;
  const { accountId, action, keys = {} } = request;
  return statementsOf(policy).some(
    ({ Principal = {}, Action, Condition: { StringEquals = {} } = {} }) =>
      many(Principal.AWS).some(
        (principal) =>
          principal === accountId || /^arn:[^:]+:iam::(\d{12}):root$/.exec(principal)?.[1] === accountId,
      ) &&
      many(Action).includes(action) &&
      Object.entries(StringEquals).every(([key, values]) => many(values).includes(keys[key] ?? "")),
  );
}

function statementsOf(policy: string): PolicyStatement[] {
  try {
    const { Statement = [] }: { Statement?: PolicyStatement | PolicyStatement[] } = JSON.parse(policy);
    return [Statement].flat();
  } catch {
    throw new AwsError("MalformedPolicyDocument", "The policy is not a JSON document.");
  }
}

function many(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
