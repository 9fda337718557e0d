import { machineNames, type RuleDescription } from "./application.ts";

/** What looks each minute for that of which no event tells, or told and was lost, by its rule. */
const looks = {
  EveryMinute: "Reconcile",
  PushesDue: "FindLostPushes",
  DriftDue: "FindDrift",
  OrphansDue: "FindOrphans",
  ImagesDue: "WatchImages",
} as const;

/** What is heard on the buses, and what it starts. */
export function rulesOf(
  prefix: string,
  repositories: readonly string[],
  targets: readonly string[],
  clusters: readonly string[],
): RuleDescription[] {
  // A replay of the archive must not release old images again.
  const live = { "replay-name": [{ exists: false }] };
  return [
    {
      name: "ImagePushed",
      bus: "default",
      pattern: {
        ...live,
        source: ["aws.ecr"],
        "detail-type": ["ECR Image Action"],
        detail: {
          "action-type": ["PUSH"],
          result: ["SUCCESS"],
          "repository-name": repositories,
          "image-tag": [{ "anything-but": "" }],
        },
      },
      target: { machine: "ReleaseMachine" },
    },
    {
      name: "ReleaseRequested",
      bus: "spillway",
      pattern: { ...live, "detail-type": ["Release Requested"] },
      target: { machine: "ReleaseMachine" },
    },
    {
      name: "BuildEnded",
      bus: "default",
      pattern: {
        source: ["aws.codebuild"],
        "detail-type": ["CodeBuild Build State Change"],
        detail: {
          "project-name": [{ prefix: `${prefix}-` }],
          "build-status": ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"],
        },
      },
      target: { function: "CompleteWait" },
    },
    {
      name: "TaskStopped",
      bus: "default",
      pattern: {
        source: ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        detail: {
          clusterArn: clusters.map((cluster) => ({ suffix: `:cluster/${cluster}` })),
          // In a cluster that others use, too, their tasks are nothing to us.
          group: [{ prefix: `family:${prefix}-` }],
          lastStatus: ["STOPPED"],
        },
      },
      target: { function: "CompleteWait" },
    },
    {
      name: "TargetOperationEnded",
      bus: "default",
      // By the service's ARN, which is among the resources: what the detail calls its members has changed before.
      pattern: {
        source: ["aws.apprunner"],
        "detail-type": ["AppRunner Service Operation Status Change"],
        resources: [`${prefix}-*`, ...targets.map((name) => `${name}/*`)].map((names) => ({
          wildcard: `arn:*:apprunner:*:*:service/${names}`,
        })),
      },
      target: { function: "CompleteWait" },
    },
    {
      name: "ExecutionBroken",
      bus: "default",
      pattern: {
        source: ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        detail: {
          status: ["ABORTED", "TIMED_OUT", "FAILED"],
          // Two installations in one account do not hear each other.
          stateMachineArn: machineNames.map((name) => ({ suffix: `:stateMachine:${prefix}-${name}` })),
        },
      },
      target: { function: "RecoverExecution" },
    },
    ...Object.entries(looks).map(([name, looking]) => ({
      name,
      bus: "default" as const,
      schedule: "rate(1 minute)",
      target: { function: looking },
    })),
  ];
}
