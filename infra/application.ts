import { type Compute, computeOf } from "../core/compute.ts";
import type { BuildConfig, Config, ServiceConfig } from "../core/config.ts";
import { functionTimeoutSeconds } from "../core/lease.ts";
import { membersOf } from "../core/members.ts";
import { migrationFamily, projectName, tableName, targetName } from "../core/names.ts";
import { databaseOf } from "../core/settings.ts";
import { buildImageStage } from "../core/stage.ts";
import {
  describeAccount,
  describeMembers,
  type MemberDescription,
  rulesForMembers,
  withEntrance,
} from "./members.ts";

/** A Lambda function of the installation. Its name is that of its state, its file and its placeholder. */
export interface FunctionDescription {
  readonly name: string;
  /** The file whose `handler` it is. */
  readonly file: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly permissions: readonly Permission[];
  /** What it is told: environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** How its function URL knows who calls; undefined: it has none. */
  readonly functionUrl?: "AWS_IAM" | undefined;
}

/** What a function may do, on which thing of the installation. */
export interface Permission {
  readonly actions: readonly string[];
  readonly on: Thing;
}

/** The things a permission can name; each builder knows their ARNs. */
export type Thing =
  | "table"
  | "table-indexes"
  | "projects"
  | "reports"
  | "build-logs"
  | "task-tokens"
  | "bus"
  | "deploy-machine"
  | "release-machine"
  | "executions"
  | "repositories"
  | "registry"
  | "tasks"
  | "task-list"
  | "migration-tasks"
  | "migration-roles"
  | "migration-logs"
  | "targets"
  | "target-list"
  | "target-log-groups"
  | "target-logs"
  | "target-roles"
  | "target-network"
  | "member-roles"
  | "alarms"
  | "metrics";

/** A rule of the event bus: when it matches, its target runs. */
export interface RuleDescription {
  readonly name: string;
  readonly bus: "default" | "spillway";
  readonly pattern?: object;
  readonly schedule?: string;
  readonly target: { readonly machine: MachineName } | { readonly function: string };
}

export const machineNames = ["ReleaseMachine", "DeployMachine"] as const;
export type MachineName = (typeof machineNames)[number];

/** A CodeBuild project: one for each stage of each service. */
export interface ProjectDescription {
  readonly name: string;
  readonly buildspec: string;
  readonly source: { readonly type: string; readonly location: string };
  readonly compute: Compute;
  /** Whether its builds are in the network that the config names. */
  readonly network: boolean;
  readonly timeoutMinutes: number;
  /** Names of the secrets that its builds may read. */
  readonly secrets: readonly string[];
  /** Repositories that its builds may pull from. */
  readonly pullsFrom: readonly string[];
  /** Repositories that its builds may push to; its builds may run a container engine if there are any. */
  readonly pushesTo: readonly string[];
}

/** A place where a service runs, with all that must be kept apart from its siblings. */
export interface EnvironmentDescription {
  readonly service: string;
  readonly environment: string;
  /** The name of its target. */
  readonly target: string;
  /** The repository of what runs there. */
  readonly image: string;
  /** The repository of its migrations; undefined where nothing is migrated. */
  readonly migrationImage: string | undefined;
  /** The family of its migrations' task definitions; undefined where nothing is migrated. */
  readonly migrationFamily: string | undefined;
  /** Names of the secrets that the running service may read. */
  readonly secrets: readonly string[];
  /** Names of the secrets that its migrations may read. */
  readonly migrationSecrets: readonly string[];
}

/** What environments need in the account where they run. */
export interface AccountDescription {
  /** The name of the ECS cluster where migrations run. */
  readonly cluster: string;
  /** Whether the installation makes it; else it is there already. */
  readonly makesCluster: boolean;
  readonly migrationLogGroup: string;
  /** The name of the connector by which services reach a private network; undefined: there is none. */
  readonly vpcConnector: string | undefined;
  /** The services that run there. */
  readonly services: readonly string[];
  /** The environments that are there. */
  readonly environments: readonly EnvironmentDescription[];
  /** Names of the secrets that must be there. */
  readonly secrets: readonly string[];
}

/**
 * All that exists in an installation. Two builders read it: the one for AWS and the one for a laptop. As an account, it
 * is the installation's own: `environments` are those that run at home, `services` are all.
 */
export interface Application extends AccountDescription {
  /** What every physical name begins with. */
  readonly prefix: string;
  readonly bus: string;
  /** The other accounts where environments run. */
  readonly members: readonly MemberDescription[];
  /** Where its functions count; each installation has its own, or one would sound the alarms of another. */
  readonly metricNamespace: string;
  readonly functions: readonly FunctionDescription[];
  readonly machines: Readonly<Record<MachineName, string>>;
  readonly rules: readonly RuleDescription[];
  readonly projects: readonly ProjectDescription[];
  readonly repositories: readonly string[];
  /** The name of the table that holds the records. */
  readonly table: string;
}

const readRecords: Permission = { actions: ["dynamodb:GetItem"], on: "table" };
const addRecords: Permission = { actions: ["dynamodb:PutItem"], on: "table" };
const updateRecords: Permission = { actions: ["dynamodb:UpdateItem"], on: "table" };
/** What is known already: read, and written on. */
const records: Permission = { actions: ["dynamodb:GetItem", "dynamodb:UpdateItem"], on: "table" };
/** The same for who waits: a wait is a record of its own. */
const waits: readonly Permission[] = [records, addRecords];
const listRecords: Permission = { actions: ["dynamodb:Query"], on: "table" };
const listOpen: Permission = { actions: ["dynamodb:Query"], on: "table-indexes" };
const answer: Permission = {
  actions: ["states:SendTaskSuccess", "states:SendTaskFailure"],
  on: "task-tokens",
};
const askExecutions: Permission = { actions: ["states:DescribeExecution"], on: "executions" };
const readImages: Permission = {
  actions: [
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
  ],
  on: "repositories",
};
const listTagged: Permission = { actions: ["ecr:DescribeImages"], on: "repositories" };
const findImages: Permission = { actions: ["ecr:BatchGetImage"], on: "repositories" };
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
  describeTargets,
  listOperations,
  { actions: ["logs:DescribeLogStreams"], on: "target-log-groups" },
  { actions: ["logs:GetLogEvents"], on: "target-logs" },
];
const changeTargets: readonly Permission[] = [
  { actions: ["apprunner:CreateService", "apprunner:UpdateService"], on: "targets" },
  { actions: ["apprunner:CreateService", "apprunner:UpdateService"], on: "target-network" },
  { actions: ["iam:PassRole"], on: "target-roles" },
];

/** Whether the alarms that a config names ring, and how a target's requests end. */
const watchTargets: readonly Permission[] = [
  { actions: ["cloudwatch:DescribeAlarms"], on: "alarms" },
  { actions: ["cloudwatch:GetMetricData"], on: "metrics" },
];

/** What ended executions left open: found, stopped, recovered, closed. */
const seeToBroken: readonly Permission[] = [
  listOpen,
  listRecords,
  askExecutions,
  { actions: ["states:StartExecution"], on: "deploy-machine" },
  stopBuilds,
];

/** Saying something on Spillway's own bus. */
const announce: Permission = { actions: ["events:PutEvents"], on: "bus" };

/** Ending a release wherever it is, and giving the turn to the next. */
const cancelReleases: readonly Permission[] = [
  ...[records, listRecords, listOpen, answer, stopBuilds],
  { actions: ["ecs:StopTask"], on: "tasks" },
];

const permissions: Readonly<Record<string, readonly Permission[]>> = {
  AdmitRelease: [readRecords, addRecords, listRecords, readImages],
  RunStage: [...waits, answer, startBuilds, stopBuilds, ...lookAtBuilds],
  StopStages: [updateRecords, listOpen, stopBuilds],
  GateRelease: [readRecords, addRecords],
  BuildImage: [...waits, answer, startBuilds, stopBuilds, ...lookAtBuilds],
  CancelRelease: cancelReleases,
  CompleteRelease: [records, listRecords, findImages],
  AdmitDeployment: [readRecords, addRecords, listRecords],
  RequestApproval: [...waits, answer, announce],
  FindFreezes: [],
  AwaitTurn: [...waits, answer],
  AcquireLease: [records, askExecutions, ...lookAtHolders],
  ConfirmStillWanted: [readRecords],
  PrepareDeployment: [records, listOpen, askExecutions, findTargets, describeTargets],
  CheckDatabase: [...waits, answer, ...runTasks, ...lookAtTasks],
  ReadSchema: [records, readMigrationLogs],
  MigrateDatabase: [...waits, answer, ...runTasks, describeTasks],
  StopMigration: [readRecords, describeTasks, { actions: ["ecs:StopTask"], on: "tasks" }],
  InspectSchema: [...waits, answer, ...runTasks, ...lookAtTasks],
  ConfirmMigration: [records, readMigrationLogs],
  StartDeployment: [...waits, answer, findTargets, ...lookAtOperations, ...changeTargets],
  CheckHealth: [records, findTargets, describeTargets],
  CheckBake: [records, findTargets, describeTargets, ...watchTargets],
  RollBack: [...waits, answer, findTargets, ...lookAtOperations, ...changeTargets],
  RevertMigration: [...waits, answer, ...runTasks, ...lookAtTasks],
  RecordDeployment: [...waits],
  ReleaseLease: [records, answer],
  CompleteWait: [records, listOpen, answer, ...lookAtBuilds, ...lookAtTasks, ...lookAtOperations],
  RecoverExecution: [records, ...seeToBroken],
  Operate: [...cancelReleases, addRecords],
  FindOrphans: [
    ...[records, listTasks, describeTasks, stopBuilds],
    { actions: ["codebuild:ListBuildsForProject", "codebuild:BatchGetBuilds"], on: "projects" },
  ],
  FindDrift: [...[records, findTargets, describeTargets], announce],
  WatchImages: [records, listTagged],
  FindLostPushes: [
    ...[records, addRecords, listTagged, askExecutions],
    { actions: ["states:StartExecution"], on: "release-machine" },
  ],
  Reconcile: [
    ...[records, answer, ...seeToBroken],
    ...[...lookAtBuilds, ...lookAtTasks, listTasks, findTargets, ...lookAtOperations],
    { actions: ["ecs:StopTask"], on: "tasks" },
  ],
};

/** Describes the installation that runs `config`, whose physical names begin with `prefix`. */
export function describeApplication(config: Config, prefix: string): Application {
  const services = Object.entries(config.services);
  const metricNamespace = `Spillway/${prefix}`;
  const environments = services.flatMap(([service, config]) => environmentsOf(prefix, service, config));
  const away = membersOf(config).flatMap((member) => member.environments);
  const atHome = environments.filter(
    ({ service, environment }) => !away.includes(`${service}/${environment}`),
  );
  const own = describeAccount(prefix, config.aws, atHome);
  const projects = services.flatMap(([service, config]) => projectsOf(prefix, service, config));
  const rules = rulesOf(
    prefix,
    services.map(([, { image }]) => image.repository),
    namedTargets(environments, prefix),
    [...new Set([own, ...membersOf(config)].map(({ cluster = prefix }) => cluster))],
  );
  const functions = Object.entries(permissions).map(
    ([name, granted]): FunctionDescription => ({
      name,
      file: `functions/${kebab(name)}.ts`,
      timeoutSeconds: functionTimeoutSeconds,
      memoryMegabytes: 512,
      functionUrl: name === "Operate" ? "AWS_IAM" : undefined,
      permissions: withEntrance(granted, config),
      environment: {
        SPILLWAY_TABLE: tableName(prefix),
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
      },
    }),
  );
  return {
    ...own,
    prefix,
    table: tableName(prefix),
    bus: prefix,
    metricNamespace,
    services: Object.keys(config.services),
    members: describeMembers(config, prefix, environments, functions, rules),
    functions,
    machines: {
      ReleaseMachine: "state-machines/release.asl.json",
      DeployMachine: "state-machines/deploy.asl.json",
    },
    rules: [...rules, ...rulesForMembers(config, rules)],
    projects,
    repositories: services.flatMap(([, service]) => repositoriesOf(service)),
    secrets: [...new Set([...projects.flatMap(({ secrets }) => secrets), ...own.secrets])],
  };
}

function rulesOf(
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
    { name: "EveryMinute", bus: "default", schedule: "rate(1 minute)", target: { function: "Reconcile" } },
    {
      name: "EveryFiveMinutes",
      bus: "default",
      schedule: "rate(5 minutes)",
      target: { function: "FindLostPushes" },
    },
    { name: "DriftDue", bus: "default", schedule: "rate(5 minutes)", target: { function: "FindDrift" } },
    { name: "OrphansDue", bus: "default", schedule: "rate(10 minutes)", target: { function: "FindOrphans" } },
    {
      name: "EveryTenMinutes",
      bus: "default",
      schedule: "rate(10 minutes)",
      target: { function: "WatchImages" },
    },
  ];
}

function projectsOf(prefix: string, service: string, config: ServiceConfig): ProjectDescription[] {
  const repositories = repositoriesOf(config);
  const describe = (
    stage: string,
    { buildspec, network, timeoutMinutes, secrets, ...size }: BuildConfig,
    rights: Pick<ProjectDescription, "pullsFrom" | "pushesTo">,
  ) => ({
    name: projectName(prefix, service, stage),
    source: config.source,
    compute: computeOf(size, config.image),
    ...{ buildspec, network, timeoutMinutes },
    secrets: namesOf(Object.values(secrets)),
    ...rights,
  });
  const stages = Object.entries(config.stages).map(([stage, settings]) =>
    describe(stage, settings, {
      pullsFrom: settings.needs === "image" ? repositories : [],
      pushesTo: [],
    }),
  );
  if (config.build === undefined) return stages;
  const rights = { pullsFrom: repositories, pushesTo: repositories };
  return [...stages, describe(buildImageStage, config.build, rights)];
}

function repositoriesOf({ image, migration }: ServiceConfig): string[] {
  return migration === undefined ? [image.repository] : [image.repository, migration.repository];
}

function environmentsOf(
  prefix: string,
  service: string,
  { environments, image, migration }: ServiceConfig,
): EnvironmentDescription[] {
  return Object.entries(environments).map(([environment, config]) => {
    const { secret, ca } = databaseOf(config) ?? {};
    const migrated = migration !== undefined && secret !== undefined;
    return {
      service,
      environment,
      target: config.target.name ?? targetName(prefix, service, environment),
      image: image.repository,
      migrationImage: migrated ? migration.repository : undefined,
      migrationFamily: migrated ? migrationFamily(prefix, service, environment) : undefined,
      secrets: namesOf(Object.values(config.target.secrets)),
      migrationSecrets: migrated ? namesOf([secret, ca]) : [],
    };
  });
}

/** The targets that are called as the config says: nothing else tells that they are ours. */
export function namedTargets(environments: readonly EnvironmentDescription[], prefix: string): string[] {
  return environments.flatMap(({ service, environment, target }) =>
    target === targetName(prefix, service, environment) ? [] : [target],
  );
}

function namesOf(references: readonly (string | undefined)[]): string[] {
  return [...new Set(references.filter((reference) => reference !== undefined).map(secretName))];
}

/** `web/database:url` → `web/database`. */
function secretName(reference: string): string {
  return reference.split(":")[0] ?? reference;
}

function kebab(name: string): string {
  return name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

/** The table's shape: its keys and its two indexes. */
export const tableShape = {
  keys: { partition: "pk", sort: "sk" },
  attributes: { pk: "S", sk: "S", awaitedArn: "S", openKind: "S", lookAgainAt: "N" },
  indexes: {
    awaited: { partition: "awaitedArn", sort: "sk" },
    open: { partition: "openKind", sort: "lookAgainAt" },
  },
} as const;
