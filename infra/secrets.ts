import { found } from "./account.ts";
import type { Statement } from "./role.ts";

/** Secret name → ARN, for every secret that the config names. */
export const secretArns: Readonly<Record<string, string>> = Object.fromEntries(
  found.secrets.map(({ name, arn }) => [name, arn]),
);

/** Reading these secrets, and using the keys of yours that they are encrypted with. */
export function readSecrets(names: readonly string[]): Statement[] {
  const wanted = found.secrets.filter(({ name }) => names.includes(name));
  const keys = [...new Set(wanted.flatMap(({ key }) => key ?? []))];
  return [
    { actions: ["secretsmanager:GetSecretValue"], resources: wanted.map(({ arn }) => arn) },
    { actions: ["kms:Decrypt"], resources: keys },
  ];
}
