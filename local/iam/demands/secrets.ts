import { type Demands, demand } from "../demand.ts";

interface OfSecret {
  readonly SecretId?: string | undefined;
}

/** What operations of Secrets Manager need. @param secretArn a secret's ARN by its name or ARN, if there is one. */
export function secretsDemands(
  arn: (service: string, resource: string) => string,
  secretArn: (nameOrArn: string) => string | undefined,
): Demands {
  const ofSecret =
    (action: string) =>
    ({ SecretId = "" }: OfSecret) =>
      demand(action, secretArn(SecretId) ?? arn("secretsmanager", `secret:${SecretId}`));
  return {
    CreateSecret: ({ Name }: { Name?: string | undefined }) =>
      demand("secretsmanager:CreateSecret", arn("secretsmanager", `secret:${Name}`)),
    DeleteSecret: ofSecret("secretsmanager:DeleteSecret"),
    DescribeSecret: ofSecret("secretsmanager:DescribeSecret"),
    GetSecretValue: ofSecret("secretsmanager:GetSecretValue"),
    PutSecretValue: ofSecret("secretsmanager:PutSecretValue"),
    RestoreSecret: ofSecret("secretsmanager:RestoreSecret"),
    UpdateSecret: ofSecret("secretsmanager:UpdateSecret"),
  };
}
