import type { MetricName } from "../core/metrics.ts";
import { untold } from "./approvals.ts";
import { physicalName } from "./arns.ts";
import { machines } from "./machines.ts";
import { topic } from "./notifications.ts";
import { rules } from "./rules.ts";
import { application } from "./stage.ts";

/** Tells people when a sum over `period` seconds is above none, or, for what must go on, when nothing came. */
function makeAlarm(
  name: string,
  description: string,
  metric: { namespace: string; metricName: string; dimensions: Record<string, $util.Input<string>> },
  { silence = false, period = 300 }: { silence?: boolean; period?: number } = {},
) {
  return new aws.cloudwatch.MetricAlarm(name, {
    name: physicalName(application, name),
    alarmDescription: description,
    ...metric,
    statistic: "Sum",
    period,
    evaluationPeriods: silence ? 2 : 1,
    comparisonOperator: silence ? "LessThanThreshold" : "GreaterThanThreshold",
    threshold: silence ? 1 : 0,
    treatMissingData: silence ? "breaching" : "notBreaching",
    alarmActions: [topic.arn],
    okActions: [topic.arn],
  });
}

/** What a function of ours counts. */
function counted(service: string, metricName: MetricName) {
  return { namespace: application.metricNamespace, metricName, dimensions: { service } };
}

/** The functions that hear events: nobody waits for their answer, so nobody else notices their errors. */
const hearers = new Set(
  application.rules.flatMap(({ target }) => ("function" in target ? [target.function] : [])),
);

/** Who counts how a release or a deployment ended. */
const closers = ["CompleteRelease", "RecordDeployment"];

export const alarms = [
  ...closers.map((closer) =>
    makeAlarm(
      `NeedsAttention-${closer}`,
      "A release or deployment could not be restored, or it could not be told: read the reason on its record, then run the intent recover or rollback for its environment.",
      counted(closer, "NeedsAttention"),
    ),
  ),
  ...Object.entries(machines).map(([name, { arn }]) =>
    makeAlarm(
      `TimedOut-${name}`,
      "An execution ran into the machine's own timeout, which no wait should: look at its history for the state it slept in.",
      { namespace: "AWS/States", metricName: "ExecutionsTimedOut", dimensions: { StateMachineArn: arn } },
    ),
  ),
  ...[...rules, untold].map(({ name, deadLetters }) =>
    makeAlarm(
      `DeadLetters-${name}`,
      `Events of the rule ${name} could not be delivered: read them in the queue, mend what the error says, and start by hand what they would have started.`,
      {
        namespace: "AWS/SQS",
        metricName: "ApproximateNumberOfMessagesVisible",
        dimensions: { QueueName: deadLetters.name },
      },
    ),
  ),
  ...[...hearers].map((name) =>
    makeAlarm(
      `Fails-${name}`,
      `${name} failed; read its log for what it was called for. What another function misses Reconcile makes up for, within minutes.`,
      {
        namespace: "AWS/Lambda",
        metricName: "Errors",
        dimensions: { FunctionName: physicalName(application, name) },
      },
    ),
  ),
  makeAlarm(
    "OverdueWaits",
    "Nobody managed for five minutes to ask how something ended that a release waits for, so the release sleeps: read the errors in the log of Reconcile, which name the service that does not answer or refuses.",
    counted("Reconcile", "OverdueWaits"),
  ),
  makeAlarm(
    "ImagesNearLimit",
    "ECR will soon delete an image that is live or to which an environment would go back: the log of WatchImages names it. Release something newer there, or delete images that nothing needs.",
    counted("WatchImages", "ImagesNearLimit"),
    { period: 1800 },
  ),
  makeAlarm(
    "ImagesUnusable",
    "An image that is live or to which an environment would go back was deleted or archived, so nothing new starts of it and nobody can go back to it: the log of WatchImages and npm run status name it and say how to restore it.",
    counted("WatchImages", "ImagesUnusable"),
    { period: 1800 },
  ),
  makeAlarm(
    "OrphanedTasks",
    "A migration task goes on that no deployment waits for, and may be changing the database; it was not stopped: the log of FindOrphans and npm run status name it. Read what it does, and let it end before anything else is deployed there.",
    counted("FindOrphans", "OrphanedTasks"),
    { period: 1800 },
  ),
  makeAlarm(
    "Drifted",
    "Somebody changed what an environment runs without Spillway, which changed nothing back: the log of FindDrift and npm run status say what. Start the intent recover to have again what is on record, or release what runs.",
    counted("FindDrift", "Drifted"),
    { period: 900 },
  ),
  makeAlarm(
    "ReconcilerSilent",
    "Reconcile did not run for ten minutes: look whether the rule EveryMinute is there and enabled.",
    {
      namespace: "AWS/Lambda",
      metricName: "Invocations",
      dimensions: { FunctionName: physicalName(application, "Reconcile") },
    },
    { silence: true },
  ),
];
