import { physicalName } from "./arns.ts";
import { bus } from "./bus.ts";
import { makeDeadLetters } from "./dead-letters.ts";
import { topic } from "./notifications.ts";
import { application, place } from "./stage.ts";

/** The members of the event that a person is told. */
const told = ["release", "environment", "digest", "count", "expiresAt", "approve", "reject"];

const rule = new aws.cloudwatch.EventRule("ApprovalRequested", {
  name: physicalName(application, "ApprovalRequested"),
  eventBusName: bus.name,
  // Nobody is asked again by a replay, nor by another account.
  eventPattern: JSON.stringify({
    account: [place.account],
    source: ["spillway"],
    "detail-type": ["Approval Requested"],
    "replay-name": [{ exists: false }],
  }),
});

/** What people could not be told. */
export const untold = { name: "ApprovalRequested", deadLetters: makeDeadLetters("ApprovalRequested", rule) };

new aws.cloudwatch.EventTarget("ApprovalRequestedTarget", {
  rule: rule.name,
  eventBusName: bus.name,
  arn: topic.arn,
  deadLetterConfig: { arn: untold.deadLetters.arn },
  retryPolicy: { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 },
  inputTransformer: {
    inputPaths: Object.fromEntries(told.map((name) => [name, `$.detail.${name}`])),
    inputTemplate: `"<release> waits for your word in <environment>: <count> must approve it by <expiresAt>. To do so: <approve> To reject it: <reject> The image is <digest>."`,
  },
});
