import { physicalName } from "./arns.ts";
import { application } from "./stage.ts";

/** Where events go that could not be delivered. */
export function makeDeadLetters(name: string, rule: aws.cloudwatch.EventRule): aws.sqs.Queue {
  const queue = new aws.sqs.Queue(`${name}DeadLetters`, {
    name: physicalName(application, `${name}-dead-letters`),
    messageRetentionSeconds: 14 * 24 * 3600,
    sqsManagedSseEnabled: true,
  });
  new aws.sqs.QueuePolicy(`${name}DeadLettersPolicy`, {
    queueUrl: queue.url,
    policy: $jsonStringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "events.amazonaws.com" },
          Action: "sqs:SendMessage",
          Resource: queue.arn,
          Condition: { ArnEquals: { "aws:SourceArn": rule.arn } },
        },
      ],
    }),
  });
  return queue;
}
