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

/** What a person must set before such a command: where, as whom, and that they mean it. */
export interface AccountSettings {
  readonly region: string | undefined;
  /** The account that the person named; undefined if none. */
  readonly named: string | undefined;
}

export function accountSettings(environment: Readonly<Record<string, string | undefined>>): AccountSettings {
  const { AWS_REGION, AWS_DEFAULT_REGION, SPILLWAY_SMOKE_ACCOUNT } = environment;
  return { region: AWS_REGION || AWS_DEFAULT_REGION, named: SPILLWAY_SMOKE_ACCOUNT || undefined };
}

/**
 * The account that the credentials of the environment are for, if it is the one that was named.
 * @throws Refusal
 */
export async function requireAccount({ region, named }: AccountSettings): Promise<Account> {
  if (region === undefined)
    throw new Refusal("NoRegion", "No region is chosen. Set AWS_REGION, such as AWS_REGION=eu-central-1.");
  const id = await callerAccount(region);
  if (named === undefined)
    throw new Refusal(
      "NoAccountNamed",
      `The credentials are for the account ${id}. This makes things there, and costs money: if you mean it, set SPILLWAY_SMOKE_ACCOUNT=${id}.`,
    );
  if (named !== id)
    throw new Refusal(
      "WrongAccount",
      `SPILLWAY_SMOKE_ACCOUNT names the account ${named}, but the credentials are for ${id}. Change one of them.`,
    );
  return { id, region };
}

async function callerAccount(region: string): Promise<string> {
  try {
    const { Account: id } = await new STSClient({ region, maxAttempts: 2 }).send(
      new GetCallerIdentityCommand({}),
    );
    if (id !== undefined) return id;
  } catch (error) {
    throw new Refusal(
      "NoCredentials",
      `There are no credentials of an AWS account that work: ${error instanceof Error ? error.message : String(error)}. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and SPILLWAY_SMOKE_ACCOUNT to the twelve digits of the account that you mean.`,
    );
  }
  throw new Refusal("NoCredentials", "AWS does not say whose the credentials are. Take others.");
}
