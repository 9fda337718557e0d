import { config, place, prefix } from "./stage.ts";

/** Where alarms are told. */
export const topic = new aws.sns.Topic("Notifications", { name: `${prefix}-notifications` });

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
    ],
  }),
});

for (const email of config.aws.emails)
  new aws.sns.TopicSubscription(`Notifications-${email}`, {
    topic: topic.arn,
    protocol: "email",
    endpoint: email,
  });
