import { place, prefix } from "./stage.ts";

type Input<T> = $util.Input<T>;

/** What a role may do. */
export interface Statement {
  readonly actions: readonly string[];
  readonly resources: readonly Input<string>[];
  readonly conditions?: readonly {
    readonly test: string;
    readonly variable: string;
    readonly values: readonly Input<string>[];
  }[];
}

/**
 * Makes a role for one AWS service, which only this account's resources may make it take.
 */
export function makeRole(
  name: string,
  service: string,
  statements: readonly Statement[] | $util.Output<Statement[]>,
  { boundToAccount = true }: { boundToAccount?: boolean } = {},
): aws.iam.Role {
  const isNothing = Array.isArray(statements) && statements.every(({ resources }) => resources.length === 0);
  return new aws.iam.Role(name, {
    // AWS puts 26 characters behind it; 64 is the most a role's name may have.
    namePrefix: `${`${prefix}-${name}`.slice(0, 37)}-`,
    description: `${name} of ${prefix}`,
    assumeRolePolicy: $jsonStringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: service },
          ...(boundToAccount ? { Condition: { StringEquals: { "aws:SourceAccount": place.account } } } : {}),
        },
      ],
    }),
    // With the role and not beside it: Step Functions and CodeBuild try what a role may do when they are given it.
    ...(isNothing ? {} : { inlinePolicies: [{ name: "granted", policy: policyOf(statements) }] }),
  });
}

/** A policy's text. Statements about nothing, such as the secrets of who has none, are left out. */
export function policyOf(statements: readonly Statement[] | $util.Output<Statement[]>): $util.Output<string> {
  return $jsonStringify({
    Version: "2012-10-17",
    Statement: $output(statements).apply((known) =>
      known
        .filter(({ resources }) => resources.length > 0)
        .map(({ actions, resources, conditions = [] }) => ({
          Effect: "Allow",
          Action: actions,
          Resource: resources,
          ...(conditions.length === 0
            ? {}
            : {
                Condition: Object.fromEntries(
                  conditions.map(({ test, variable, values }) => [test, { [variable]: values }]),
                ),
              }),
        })),
    ),
  });
}
