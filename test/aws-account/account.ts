import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

/** Why a command that works in an AWS account has not begun. Nothing has happened then. */
export class Refusal extends Error {
  override readonly name:
    | "NoRegion"
    | "NoCredentials"
    | "NoAccountNamed"
    | "WrongAccount"
    | "NotPushed"
    | "ToolMissing";
  constructor(name: Refusal["name"], message: string) {
    super(message);
    this.name = name;
  }
}

export interface Account {
  /** Twelve digits. */
  readonly id: string;
  readonly region: string;
}

/** What such a command does in an account, and the variable in which a person names the one that they mean. */
export interface Purpose {
  readonly variable: `SPILLWAY_${string}_ACCOUNT`;
  /** "This makes things there." */
  readonly does: string;
}

/** What a person must set before such a command: where, as whom, and that they mean it. */
export interface AccountSettings extends Purpose {
  readonly region: string | undefined;
  /** The account that the person named; undefined if none. */
  readonly named: string | undefined;
}

export function accountSettings(
  environment: Readonly<Record<string, string | undefined>>,
  purpose: Purpose,
): AccountSettings {
  const { AWS_REGION, AWS_DEFAULT_REGION } = environment;
  return {
    ...purpose,
    region: AWS_REGION || AWS_DEFAULT_REGION,
    named: environment[purpose.variable] || undefined,
  };
}

/**
 * The account that the credentials of the environment are for, if it is the one that was named.
 * @throws Refusal
 */
export async function requireAccount({ region, named, variable, does }: AccountSettings): Promise<Account> {
  if (region === undefined)
    throw new Refusal("NoRegion", "No region is chosen. Set AWS_REGION, such as AWS_REGION=eu-central-1.");
  const id = await callerAccount(region, variable);
  if (named === undefined)
    throw new Refusal(
      "NoAccountNamed",
      `The credentials are for the account ${id}. ${does} If you mean it, set ${variable}=${id}.`,
    );
  if (named !== id)
    throw new Refusal(
      "WrongAccount",
      `${variable} names the account ${named}, but the credentials are for ${id}. Change one of them.`,
    );
  return { id, region };
}

async function callerAccount(region: string, variable: string): Promise<string> {
  try {
    const { Account: id } = await new STSClient({ region, maxAttempts: 2 }).send(
      new GetCallerIdentityCommand({}),
    );
    if (id !== undefined) return id;
  } catch (error) {
    throw new Refusal(
      "NoCredentials",
      `There are no credentials of an AWS account that work: ${error instanceof Error ? error.message : String(error)}. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and ${variable} to the twelve digits of the account that you mean.`,
    );
  }
  throw new Refusal("NoCredentials", "AWS does not say whose the credentials are. Take others.");
}
