import { type Application, type MachineName, type Thing, tableShape } from "./application.ts";

/** Where an installation is, and the roles that were made for it. */
export interface Place {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** ARNs of the roles that its functions hand on to ECS and to App Runner. */
  readonly roles: Readonly<Record<"migration-roles" | "target-roles", readonly string[]>>;
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

/** The physical name of a function or a machine. */
export function physicalName({ prefix }: Pick<Application, "prefix">, name: string): string {
  return `${prefix}-${name}`;
}

/** The ARN of a state machine. */
export function machineArn(application: Application, place: Omit<Place, "roles">, name: MachineName): string {
  return arn(place, "states", `stateMachine:${physicalName(application, name)}`);
}

/** The log group of a CodeBuild project, which is also where CodeBuild itself would write. */
export function buildLogGroup(project: string): string {
  return `/aws/codebuild/${project}`;
}

/** The ARNs of a thing, as a policy names them. */
export function arnsOf(thing: Thing, application: Application, place: Place): string[] {
  const at = (service: string, rest: string) => arn(place, service, rest);
  const each = <Item>(items: readonly Item[], service: string, rest: (item: Item) => string) =>
    items.map((item) => at(service, rest(item)));
  const { table, projects, environments, cluster, vpcConnector } = application;
  switch (thing) {
    case "table":
      return [at("dynamodb", `table/${table}`)];
    case "table-indexes":
      return each(Object.keys(tableShape.indexes), "dynamodb", (index) => `table/${table}/index/${index}`);
    case "projects":
      return each(projects, "codebuild", ({ name }) => `project/${name}`);
    case "reports":
      return each(projects, "codebuild", ({ name }) => `report-group/${name}-*`);
    case "build-logs":
      return each(projects, "logs", ({ name }) => `log-group:${buildLogGroup(name)}:log-stream:*`);
    case "deploy-machine":
      return [machineArn(application, place, "DeployMachine")];
    case "executions":
      return each(
        Object.keys(application.machines),
        "states",
        (machine) => `execution:${physicalName(application, machine)}:*`,
      );
    case "repositories":
      return each(application.repositories, "ecr", (repository) => `repository/${repository}`);
    case "tasks":
      return [at("ecs", `task/${cluster}/*`)];
    case "migration-tasks":
      return environments.flatMap(({ migrationFamily }) =>
        migrationFamily === undefined ? [] : at("ecs", `task-definition/${migrationFamily}:*`),
      );
    case "migration-logs":
      return [at("logs", `log-group:${application.migrationLogGroup}:log-stream:*`)];
    case "target-log-groups":
      return each(environments, "logs", ({ target }) => `log-group:/aws/apprunner/${target}/*`);
    case "target-logs":
      return each(environments, "logs", ({ target }) => `log-group:/aws/apprunner/${target}/*:log-stream:*`);
    case "targets":
      return each(environments, "apprunner", ({ target }) => `service/${target}/*`);
    case "target-network":
      return vpcConnector === undefined ? [] : [at("apprunner", `vpcconnector/${vpcConnector}/*`)];
    case "migration-roles":
    case "target-roles":
      return [...place.roles[thing]];
    case "task-tokens":
    case "task-list":
    case "registry":
    case "target-list":
      return ["*"];
  }
}

/** What a statement about a thing must also demand. */
export function conditionsOf(thing: Thing, application: Application, place: Place): Condition[] {
  switch (thing) {
    case "migration-roles":
      return [passedTo("ecs-tasks.amazonaws.com")];
    case "target-roles":
      return [
        passedTo("apprunner.amazonaws.com", "build.apprunner.amazonaws.com", "tasks.apprunner.amazonaws.com"),
      ];
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
