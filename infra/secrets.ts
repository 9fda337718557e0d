import { found } from "./account.ts";
import type { Secrets } from "./roles.ts";

/** Every secret that the config names, as the account has it. */
export const secrets: Secrets = Object.fromEntries(
  found.secrets.map(({ name, arn, key }) => [name, { arn, key }]),
);

/** Secret name → ARN. */
export const secretArns: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(secrets).map(([name, { arn }]) => [name, arn]),
);
