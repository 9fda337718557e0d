import { arn, physicalName } from "./arns.ts";
import { application, config, place, prefix } from "./stage.ts";

/** Where people are told: of alarms, and that their word is wanted. */
export const topic = new aws.sns.Topic("Notifications", { name: `${prefix}-notifications` });

const approvalRule = arn(
  place,
  "events",
  `rule/${application.bus}/${physicalName(application, "ApprovalRequested")}`,
);

new aws.sns.TopicPolicy("NotificationsPolicy", {
  arn: topic.arn,
  policy: $jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: topic.arn,
        Condition: { StringEquals: { "aws:SourceAccount": place.account } },
      },
      {
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sns:Publish",
        Resource: topic.arn,
        Condition: { ArnEquals: { "aws:SourceArn": approvalRule } },
      },
    ],
  }),
});

for (const email of config.aws.emails)
  new aws.sns.TopicSubscription(`Notifications-${email}`, {
    topic: topic.arn,
    protocol: "email",
    endpoint: email,
  });
