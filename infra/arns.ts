import { type Application, type MachineName, namedTargets, type tableShape } from "./application.ts";
import type { MemberDescription } from "./members.ts";
import type { Permission, Thing } from "./permissions.ts";

type PassedRoles = "migration-roles" | "target-access-role" | "target-instance-roles";

/** Where an installation is, and the roles that were made for it. */
export interface Place {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** ARNs of the roles that its functions hand on to ECS and to App Runner. */
  readonly roles: Readonly<Record<PassedRoles, readonly string[]>>;
}

/** A condition of a policy's statement: with StringEquals or ArnEquals, one of `values`. */
export interface Condition {
  readonly test: "StringEquals" | "ArnEquals";
  readonly variable: string;
  readonly values: readonly string[];
}

/** An ARN of this installation's account and region. */
export function arn(
  { partition, region, account }: Omit<Place, "roles">,
  service: string,
  rest: string,
): string {
  return `arn:${partition}:${service}:${region}:${account}:${rest}`;
}

/** The ARN of a role whose name is known. */
export function roleArn({ partition, account }: Omit<Place, "roles">, name: string): string {
  return `arn:${partition}:iam::${account}:role/${name}`;
}

/** The physical name of a function or a machine. */
export function physicalName({ prefix }: Pick<Application, "prefix">, name: string): string {
  return `${prefix}-${name}`;
}

/** The ARN of a state machine. */
export function machineArn(application: Application, place: Omit<Place, "roles">, name: MachineName): string {
  return arn(place, "states", `stateMachine:${physicalName(application, name)}`);
}

/** What the functions may do in a member account, as the policy of the role that they take there. */
export function memberStatements(
  application: Application,
  member: MemberDescription,
  place: Place,
): Statement[] {
  return statementsOf(member.permissions, { ...application, ...member }, place);
}

/** The log group of a CodeBuild project, which is also where CodeBuild itself would write. */
export function buildLogGroup(project: string): string {
  return `/aws/codebuild/${project}`;
}

/** What a policy says of one thing. */
export interface Statement {
  readonly actions: string[];
  readonly resources: string[];
  readonly conditions: readonly Condition[];
}

/** The most characters that all policies of a role may have together, in AWS. */
export const mostPolicyCharacters = 10_240;

/** Permissions as a policy says them: a statement for each thing, with all that may be done there. */
export function statementsOf(
  permissions: readonly Permission[],
  application: Application,
  place: Place,
): Statement[] {
  const things = [...new Set(permissions.map(({ on }) => on))];
  return things
    .map((thing) => ({
      actions: [...new Set(permissions.filter(({ on }) => on === thing).flatMap(({ actions }) => actions))],
      resources: arnsOf(thing, application, place),
      conditions: conditionsOf(thing, application, place),
    }))
    .filter(({ resources }) => resources.length > 0);
}

/**
 * The ARNs of a thing, as a policy names them. Stages and environments go by their service, as in
 * `spillway-web-*`: a policy has room for that many services, and not for each of their stages.
 */
export function arnsOf(thing: Thing, application: Application, place: Place): string[] {
  const at = (service: string, rest: string) => arn(place, service, rest);
  const { prefix, table, cluster, vpcConnector, members } = application;
  const indexArn = (index: keyof typeof tableShape.indexes) =>
    at("dynamodb", `table/${table}/index/${index}`);
  const executionsOf = (machine: MachineName) =>
    at("states", `execution:${physicalName(application, machine)}:*`);
  const repositoryArn = (repository: string) => at("ecr", `repository/${repository}`);
  const eachService = (service: string, rest: (names: string) => string) =>
    application.services.map((name) => at(service, rest(`${prefix}-${name}-*`)));
  const eachTarget = (service: string, rest: (name: string) => string) => [
    ...eachService(service, rest),
    ...namedTargets(application.environments, prefix).map((name) => at(service, rest(name))),
  ];
  switch (thing) {
    case "table":
      return [at("dynamodb", `table/${table}`)];
    case "awaited-index":
      return [indexArn("awaited")];
    case "open-index":
      return [indexArn("open")];
    case "projects":
      return eachService("codebuild", (names) => `project/${names}`);
    case "reports":
      return eachService("codebuild", (names) => `report-group/${names}`);
    case "build-logs":
      return eachService("logs", (names) => `log-group:${buildLogGroup(names)}:log-stream:*`);
    case "bus":
      return [at("events", `event-bus/${application.bus}`)];
    case "deploy-machine":
      return [machineArn(application, place, "DeployMachine")];
    case "release-machine":
      return [machineArn(application, place, "ReleaseMachine")];
    case "deploy-executions":
      return [executionsOf("DeployMachine")];
    case "release-executions":
      return [executionsOf("ReleaseMachine")];
    case "image-repositories":
      return application.imageRepositories.map(repositoryArn);
    case "migration-repositories":
      return application.migrationRepositories.map(repositoryArn);
    case "tasks":
      return [at("ecs", `task/${cluster}/*`)];
    case "migration-tasks":
    case "released-task-definitions":
      return eachService("ecs", (names) => `task-definition/${names}-migration:*`);
    case "migration-logs":
      return [at("logs", `log-group:${application.migrationLogGroup}:log-stream:*`)];
    case "target-log-groups":
      return eachTarget("logs", (names) => `log-group:/aws/apprunner/${names}/*`);
    case "target-logs":
      return eachTarget("logs", (names) => `log-group:/aws/apprunner/${names}/*:log-stream:*`);
    case "targets":
      return eachTarget("apprunner", (names) => `service/${names}/*`);
    case "released-targets":
      return eachService("apprunner", (names) => `service/${names}/*`);
    case "released-log-groups":
      return eachService("logs", (names) => `log-group:/aws/apprunner/${names}/*`);
    case "target-network":
      return vpcConnector === undefined ? [] : [at("apprunner", `vpcconnector/${vpcConnector}/*`)];
    case "member-roles":
      return members.map(({ account, role }) => roleArn({ ...place, account }, role));
    case "migration-roles":
    case "target-access-role":
    case "target-instance-roles":
      return [...place.roles[thing]];
    case "task-tokens":
    case "task-list":
    case "target-list":
    case "released-target-list":
    case "released-log-group-list":
    case "released-task-definition-list":
    case "report-list":
    case "alarms":
    case "metrics":
      return ["*"];
  }
}

/** What a statement about a thing must also demand. */
function conditionsOf(thing: Thing, application: Application, place: Place): Condition[] {
  switch (thing) {
    case "migration-roles":
      return [passedTo("ecs-tasks.amazonaws.com")];
    // Nowhere does AWS say which of its names App Runner gives: its own policy for users of App Runner has the short one.
    case "target-access-role":
      return [passedTo("build.apprunner.amazonaws.com", "apprunner.amazonaws.com")];
    case "target-instance-roles":
      return [passedTo("tasks.apprunner.amazonaws.com", "apprunner.amazonaws.com")];
    case "task-list":
      return [
        {
          test: "ArnEquals",
          variable: "ecs:cluster",
          values: [arn(place, "ecs", `cluster/${application.cluster}`)],
        },
      ];
    default:
      return [];
  }
}

function passedTo(...services: string[]): Condition {
  return { test: "StringEquals", variable: "iam:PassedToService", values: services };
}
