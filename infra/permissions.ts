/** An action on a thing of the installation. */
export interface Permission {
  readonly actions: readonly string[];
  readonly on: Thing;
}

/** The things a permission can name; each builder knows their ARNs. */
export type Thing =
  | "table"
  | "awaited-index"
  | "open-index"
  | "projects"
  | "reports"
  | "build-logs"
  | "task-tokens"
  | "bus"
  | "deploy-machine"
  | "release-machine"
  | "deploy-executions"
  | "release-executions"
  | "image-repositories"
  | "migration-repositories"
  | "tasks"
  | "task-list"
  | "migration-tasks"
  | "migration-roles"
  | "migration-logs"
  | "targets"
  | "target-list"
  | "target-log-groups"
  | "target-logs"
  | "target-access-role"
  | "target-instance-roles"
  | "target-network"
  | "member-roles"
  | "alarms"
  | "metrics"
  | "released-targets"
  | "released-target-list"
  | "released-log-groups"
  | "released-log-group-list"
  | "released-task-definitions"
  | "released-task-definition-list"
  | "report-list";

const readRecords: Permission = { actions: ["dynamodb:BatchGetItem"], on: "table" };
const addRecords: Permission = { actions: ["dynamodb:PutItem"], on: "table" };
const updateRecords: Permission = { actions: ["dynamodb:UpdateItem"], on: "table" };
/** What is known already: read, and written on. */
const records: Permission = { actions: ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], on: "table" };
/** The same for who waits: a wait is a record of its own. */
const waits: readonly Permission[] = [records, addRecords];
const listRecords: Permission = { actions: ["dynamodb:Query"], on: "table" };
const listOpen: Permission = { actions: ["dynamodb:Query"], on: "open-index" };
/** All of it: it holds nothing but what is open. */
const scanOpen: Permission = { actions: ["dynamodb:Scan"], on: "open-index" };
/** Who waits for the work that an event is about. */
const findWaiting: Permission = { actions: ["dynamodb:Query"], on: "awaited-index" };
const answerNo: Permission = { actions: ["states:SendTaskFailure"], on: "task-tokens" };
const answer: Permission = {
  actions: ["states:SendTaskSuccess", "states:SendTaskFailure"],
  on: "task-tokens",
};
const askDeployments: Permission = { actions: ["states:DescribeExecution"], on: "deploy-executions" };
const askReleases: Permission = { actions: ["states:DescribeExecution"], on: "release-executions" };
const lookAtImages = ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const readImages: readonly Permission[] = [
  { actions: lookAtImages, on: "image-repositories" },
  { actions: lookAtImages, on: "migration-repositories" },
];
const listPushed: Permission = { actions: ["ecr:DescribeImages"], on: "image-repositories" };
const listMigrations: Permission = { actions: ["ecr:DescribeImages"], on: "migration-repositories" };
const findPushed: Permission = { actions: ["ecr:BatchGetImage"], on: "image-repositories" };
const lookAtBuilds: readonly Permission[] = [
  { actions: ["codebuild:BatchGetBuilds"], on: "projects" },
  { actions: ["codebuild:BatchGetReports"], on: "reports" },
  { actions: ["logs:GetLogEvents"], on: "build-logs" },
];
const startBuilds: Permission = {
  actions: ["codebuild:StartBuild", "codebuild:ListBuildsForProject"],
  on: "projects",
};
const stopBuilds: Permission = { actions: ["codebuild:StopBuild"], on: "projects" };
const readMigrationLogs: Permission = { actions: ["logs:GetLogEvents"], on: "migration-logs" };
const describeTasks: Permission = { actions: ["ecs:DescribeTasks"], on: "tasks" };
/** A task that fails is explained by what it printed; a migration itself is, later, by ConfirmMigration. */
const lookAtTasks: readonly Permission[] = [describeTasks, readMigrationLogs];
const listTasks: Permission = { actions: ["ecs:ListTasks"], on: "task-list" };
const runTasks: readonly Permission[] = [
  { actions: ["ecs:RegisterTaskDefinition", "ecs:RunTask"], on: "migration-tasks" },
  listTasks,
  { actions: ["iam:PassRole"], on: "migration-roles" },
];
const findTargets: Permission = { actions: ["apprunner:ListServices"], on: "target-list" };
const describeTargets: Permission = { actions: ["apprunner:DescribeService"], on: "targets" };
const listOperations: Permission = { actions: ["apprunner:ListOperations"], on: "targets" };
/** Whether anything goes on that the holder of a lease began. */
const lookAtHolders: readonly Permission[] = [describeTasks, listTasks, findTargets, describeTargets];
/** A failed operation is explained by what the service and its program logged. */
const lookAtOperations: readonly Permission[] = [
  listOperations,
  { actions: ["logs:DescribeLogStreams"], on: "target-log-groups" },
  { actions: ["logs:GetLogEvents"], on: "target-logs" },
];
const changeTargets: readonly Permission[] = [
  { actions: ["apprunner:CreateService", "apprunner:UpdateService"], on: "targets" },
  { actions: ["apprunner:CreateService", "apprunner:UpdateService"], on: "target-network" },
  { actions: ["iam:PassRole"], on: "target-access-role" },
  { actions: ["iam:PassRole"], on: "target-instance-roles" },
];

/** Whether the alarms that a config names ring, and how a target's requests end. */
const watchTargets: readonly Permission[] = [
  { actions: ["cloudwatch:DescribeAlarms"], on: "alarms" },
  { actions: ["cloudwatch:GetMetricData"], on: "metrics" },
];

/** What ended executions left open: found, stopped, recovered, closed. */
const seeToBroken: readonly Permission[] = [
  ...[listOpen, listRecords, askDeployments, askReleases],
  { actions: ["states:StartExecution"], on: "deploy-machine" },
  stopBuilds,
];

/** Saying something on Spillway's own bus. */
const announce: Permission = { actions: ["events:PutEvents"], on: "bus" };

/** Ending a release wherever it is: what waits is told that it was cancelled. */
const cancelReleases: readonly Permission[] = [
  ...[records, listRecords, listOpen, answerNo, stopBuilds],
  { actions: ["ecs:StopTask"], on: "tasks" },
];

/**
 * Deleting what releases made, where the installation itself is deleted: at home alone, and never a service that was
 * there before them.
 */
const deleteReleased: readonly Permission[] = [
  { actions: ["apprunner:ListServices"], on: "released-target-list" },
  { actions: ["apprunner:DeleteService"], on: "released-targets" },
  { actions: ["logs:DescribeLogGroups"], on: "released-log-group-list" },
  { actions: ["logs:DeleteLogGroup"], on: "released-log-groups" },
  {
    actions: ["ecs:ListTaskDefinitions", "ecs:DeregisterTaskDefinition"],
    on: "released-task-definition-list",
  },
  { actions: ["ecs:DeleteTaskDefinitions"], on: "released-task-definitions" },
  { actions: ["codebuild:ListReportGroups"], on: "report-list" },
  { actions: ["codebuild:DeleteReportGroup"], on: "reports" },
];

/** What each function may do, by its name. */
export const permissions: Readonly<Record<string, readonly Permission[]>> = {
  AdmitRelease: [readRecords, addRecords, listRecords, ...readImages],
  RunStage: [...waits, answer, startBuilds, stopBuilds, ...lookAtBuilds],
  StopStages: [updateRecords, listOpen, stopBuilds],
  GateRelease: [readRecords, addRecords],
  BuildImage: [...waits, answer, startBuilds, stopBuilds, ...lookAtBuilds],
  CancelRelease: cancelReleases,
  CompleteRelease: [updateRecords, listRecords, findPushed],
  AdmitDeployment: [readRecords, addRecords, listRecords],
  RequestApproval: [...waits, answer, announce],
  FindFreezes: [],
  AwaitTurn: [...waits, answer],
  AcquireLease: [records, askDeployments, ...lookAtHolders],
  ConfirmStillWanted: [readRecords],
  PrepareDeployment: [records, listOpen, askDeployments, findTargets, describeTargets],
  CheckDatabase: [...waits, answer, ...runTasks, ...lookAtTasks],
  ReadSchema: [records, readMigrationLogs],
  MigrateDatabase: [...waits, answer, ...runTasks, describeTasks],
  StopMigration: [readRecords, describeTasks, { actions: ["ecs:StopTask"], on: "tasks" }],
  InspectSchema: [...waits, answer, ...runTasks, ...lookAtTasks],
  ConfirmMigration: [records, readMigrationLogs],
  StartDeployment: [...waits, answer, findTargets, describeTargets, ...lookAtOperations, ...changeTargets],
  CheckHealth: [records, findTargets, describeTargets],
  CheckBake: [records, findTargets, describeTargets, ...watchTargets],
  RollBack: [...waits, answer, findTargets, describeTargets, ...lookAtOperations, ...changeTargets],
  RevertMigration: [...waits, answer, ...runTasks, ...lookAtTasks],
  RecordDeployment: [...waits],
  ReleaseLease: [records, answer],
  CompleteWait: [records, findWaiting, answer, ...lookAtBuilds, ...lookAtTasks, ...lookAtOperations],
  RecoverExecution: [records, scanOpen, ...seeToBroken],
  Operate: [...cancelReleases, answer, addRecords],
  FindOrphans: [
    ...[records, listTasks, describeTasks, stopBuilds],
    { actions: ["codebuild:ListBuildsForProject", "codebuild:BatchGetBuilds"], on: "projects" },
  ],
  FindDrift: [...[records, findTargets, describeTargets], announce],
  WatchImages: [records, listPushed, listMigrations],
  FindLostPushes: [
    ...[records, addRecords, listPushed, askReleases],
    { actions: ["states:StartExecution"], on: "release-machine" },
  ],
  Reconcile: [
    ...[records, scanOpen, answer, ...seeToBroken],
    ...[...lookAtBuilds, ...lookAtTasks, ...lookAtOperations, ...lookAtHolders],
    { actions: ["ecs:StopTask"], on: "tasks" },
  ],
  ClearEnvironments: deleteReleased,
};
