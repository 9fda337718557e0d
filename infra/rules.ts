import type { RuleDescription } from "./application.ts";
import { physicalName } from "./arns.ts";
import { bus, heardAccounts } from "./bus.ts";
import { clearing } from "./clearing.ts";
import { makeDeadLetters } from "./dead-letters.ts";
import { functions } from "./functions.ts";
import { installation } from "./installation.ts";
import { machines } from "./machines.ts";
import { makeRole } from "./role.ts";
import { ruleStatements } from "./roles.ts";
import { application, place } from "./stage.ts";

/** What the rule runs, and by which right. */
function targetOf({ name, target }: RuleDescription, rule: aws.cloudwatch.EventRule) {
  if ("machine" in target) {
    const { arn } = machines[target.machine];
    const role = makeRole(
      `${name}Rule`,
      "events.amazonaws.com",
      ruleStatements({ target }, application, place),
    );
    return { arn, roleArn: role.arn };
  }
  const { nodes, arn } = functions[target.function];
  new aws.lambda.Permission(`${name}Permission`, {
    action: "lambda:InvokeFunction",
    function: nodes.function.name,
    principal: "events.amazonaws.com",
    sourceArn: rule.arn,
    sourceAccount: place.account,
  });
  return { arn };
}

function makeRule(description: RuleDescription) {
  const { name, bus: heard, pattern, schedule } = description;
  const ours = heard === "spillway";
  const eventBusName = ours ? bus.name : "default";
  const rule = new aws.cloudwatch.EventRule(
    name,
    {
      name: physicalName(application, name),
      ...(schedule === undefined ? { eventBusName } : { scheduleExpression: schedule }),
      ...(pattern === undefined
        ? {}
        : { eventPattern: JSON.stringify(ours ? { account: heardAccounts, ...pattern } : pattern) }),
    },
    // Nothing may start before everything is there, nor while it is cleared away.
    { dependsOn: [installation, ...clearing] },
  );
  const deadLetters = makeDeadLetters(name, rule);
  new aws.cloudwatch.EventTarget(`${name}Target`, {
    rule: rule.name,
    ...(schedule === undefined ? { eventBusName } : {}),
    ...targetOf(description, rule),
    deadLetterConfig: { arn: deadLetters.arn },
    // The next minute comes anyway; an event is worth a day of tries.
    retryPolicy:
      schedule === undefined
        ? { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 }
        : { maximumEventAgeInSeconds: 60, maximumRetryAttempts: 1 },
  });
  return { name, rule, deadLetters };
}

export const rules = application.rules.map(makeRule);
