import type { MetricName } from "../core/metrics.ts";
import { Outcome } from "../core/outcome.ts";
import { machines } from "./machines.ts";
import { rules } from "./rules.ts";
import { application, place, prefix } from "./stage.ts";

type Metric = (string | { label?: string; stat?: string })[];

const columns = 2;
const width = 12;
const height = 6;

function chart(title: string, metrics: Metric[], index: number, stat = "Sum") {
  return {
    type: "metric",
    x: (index % columns) * width,
    y: Math.floor(index / columns) * height,
    width,
    height,
    properties: {
      title,
      metrics,
      stat,
      period: 3600,
      region: place.region,
      view: "timeSeries",
      stacked: stat === "Sum",
    },
  };
}

const outcomes = (service: string): Metric[] =>
  Outcome.options.map((outcome) => [
    application.metricNamespace,
    outcome,
    "service",
    service,
    { label: outcome },
  ]);

const counted = (service: string, metric: MetricName, label: string): Metric => [
  application.metricNamespace,
  metric,
  "service",
  service,
  { label },
];

/** What happened lately, on one page. */
export const dashboard = new aws.cloudwatch.Dashboard("Dashboard", {
  dashboardName: prefix,
  dashboardBody: $output({
    release: machines.ReleaseMachine.arn,
    deploy: machines.DeployMachine.arn,
    queues: rules.map(({ deadLetters }) => deadLetters.name),
  }).apply(({ release, deploy, queues }) =>
    JSON.stringify({
      widgets: [
        chart("Releases by outcome", outcomes("CompleteRelease"), 0),
        chart("Deployments by outcome", outcomes("RecordDeployment"), 1),
        chart(
          "Time of a release and of a deployment (p50)",
          [
            ["AWS/States", "ExecutionTime", "StateMachineArn", release, { label: "release" }],
            ["AWS/States", "ExecutionTime", "StateMachineArn", deploy, { label: "deployment" }],
          ],
          2,
          "p50",
        ),
        chart(
          "Time of a stage (average)",
          application.projects.map(({ name }): Metric => ["AWS/CodeBuild", "Duration", "ProjectName", name]),
          3,
          "Average",
        ),
        chart(
          "Failures of functions",
          application.functions.map(
            ({ name }): Metric => [application.metricNamespace, "Failed", "service", name, { label: name }],
          ),
          4,
        ),
        chart(
          "What is not as it should be",
          [
            counted("Reconcile", "OverdueWaits", "overdue waits"),
            counted("WatchImages", "ImagesNearLimit", "needed images near the limit"),
            counted("WatchImages", "ImagesUnusable", "needed images that are gone or archived"),
            counted("FindOrphans", "OrphanedTasks", "migration tasks that nobody waits for"),
            counted("FindOrphans", "OrphanedBuilds", "builds that nobody waited for"),
            counted("FindDrift", "Drifted", "environments changed without Spillway"),
          ],
          5,
          "Maximum",
        ),
        chart(
          "Events that could not be delivered",
          queues.map(
            (queue): Metric => ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue],
          ),
          6,
          "Maximum",
        ),
      ],
    }),
  ),
});
