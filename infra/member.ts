import { accountResources } from "./account-resources.ts";
import { arn, memberStatements, physicalName } from "./arns.ts";
import { makeDeadLetters } from "./dead-letters.ts";
import type { MemberDescription } from "./members.ts";
import { topic } from "./notifications.ts";
import { passedRoles } from "./passed-roles.ts";
import { deployersEntrance, type Entrance, functionsEntrance } from "./resource-policies.ts";
import { makeRole, policyOf, type Statement } from "./role.ts";
import { forwardStatements } from "./roles.ts";
import { application, home, place } from "./stage.ts";

/**
 * What an installation has in another account where environments of it run: beside what these need, a role for its
 * functions, rules that tell its bus what happens here, and a parameter that tells its next deployment what there is.
 */
export function makeMember(member: MemberDescription) {
  const { role, readerRole, parameter, forwards } = member;
  const record = new aws.ssm.Parameter("Member", {
    name: parameter,
    description: `What the installation ${application.prefix} of the account ${home.account} has here`,
    type: "String",
    // 4 KB are free; one with many environments and secrets may have 8.
    tier: "Intelligent-Tiering",
    insecureValue: $jsonStringify(accountResources),
  });
  makeEntrance(
    "MemberRole",
    role,
    functionsEntrance(application, member, home),
    $output(passedRoles).apply((roles) => memberStatements(application, member, { ...place, roles })),
  );
  makeEntrance("MemberReader", readerRole, deployersEntrance(member, home), [
    { actions: ["ssm:GetParameter"], resources: [record.arn] },
  ]);
  for (const { name, pattern } of forwards) makeForward(`Member${name}`, pattern);
  return record;
}

/** A role that principals of the installation's account may take. */
function makeEntrance(
  name: string,
  physical: string,
  { principal, externalId, callers }: Entrance,
  statements: $util.Input<readonly Statement[]>,
): void {
  const condition = callers === undefined ? {} : { ArnLike: { "aws:PrincipalArn": callers } };
  const role = new aws.iam.Role(name, {
    name: physical,
    description: `${application.prefix} of the account ${home.account} takes it`,
    assumeRolePolicy: $jsonStringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { AWS: principal },
          Condition: { StringEquals: { "sts:ExternalId": externalId }, ...condition },
        },
      ],
    }),
  });
  new aws.iam.RolePolicy(`${name}-policy`, {
    role: role.id,
    policy: $output(statements).apply((statements) => policyOf(statements)),
  });
}

/** A rule that hands events on to the installation's bus. One that is lost there is made up for by `Reconcile`. */
function makeForward(name: string, pattern: object): void {
  const bus = arn(home, "events", `event-bus/${application.bus}`);
  const rule = new aws.cloudwatch.EventRule(name, {
    name: physicalName(application, name),
    eventBusName: "default",
    eventPattern: JSON.stringify(pattern),
  });
  const deadLetters = makeDeadLetters(name, rule);
  const role = makeRole(`${name}Rule`, "events.amazonaws.com", forwardStatements(application, home));
  new aws.cloudwatch.EventTarget(`${name}Target`, {
    rule: rule.name,
    eventBusName: "default",
    arn: bus,
    roleArn: role.arn,
    deadLetterConfig: { arn: deadLetters.arn },
  });
  new aws.cloudwatch.MetricAlarm(`DeadLetters-${name}`, {
    name: physicalName(application, `DeadLetters-${name}`),
    alarmDescription: `Events of this account did not reach the bus of ${home.account}: read in the queue why. Until that is mended, Reconcile asks how work here ended, so releases are slower and not wrong.`,
    namespace: "AWS/SQS",
    metricName: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: deadLetters.name },
    statistic: "Sum",
    period: 300,
    evaluationPeriods: 1,
    comparisonOperator: "GreaterThanThreshold",
    threshold: 0,
    treatMissingData: "notBreaching",
    alarmActions: [topic.arn],
    okActions: [topic.arn],
  });
}
