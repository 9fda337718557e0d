import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Application,
  type MachineName,
  type RuleDescription,
  tableShape,
} from "../infra/application.ts";
import { installationItem } from "../infra/installation-item.ts";
import type { LocalAws } from "./aws.ts";
import { accountResources, provisionMembers } from "./provision-members.ts";
import { artifactsBucket, makeRoles, roleNames } from "./provision-roles.ts";
import { type Call, caller, keepSecrets, ProvisioningError, unlessThere } from "./provisioning-calls.ts";

export { ProvisioningError } from "./provisioning-calls.ts";

/** What an installation on a laptop is made of. */
export interface Provisioning {
  readonly application: Application;
  /** The parsed config, kept as the installation's record. */
  readonly config: object;
  /** What physical names begin with. */
  readonly prefix: string;
  /** The repository's root: where the state machines are. */
  readonly root: string;
  /** Function file → path of its bundle. */
  readonly bundles: ReadonlyMap<string, string>;
  /** Secret name → value. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** What was made, by the names that people use. */
export interface Provisioned {
  readonly table: string;
  readonly bus: string;
  readonly machines: Readonly<Record<string, string>>;
  readonly functions: Readonly<Record<string, string>>;
}

/**
 * Makes everything that `infra/application.ts` describes, through the same API that AWS has. What is there already
 * from an earlier time is changed where it differs, as a second deployment in AWS would.
 */
export async function provision(
  aws: LocalAws,
  { application, config, prefix, root, bundles, secrets }: Provisioning,
): Promise<Provisioned> {
  const call = caller(aws);
  const { table, bus, cluster } = application;
  await createTable(call, table);
  for (const repository of application.repositories)
    await unlessThere("RepositoryAlreadyExistsException", () =>
      call("AmazonEC2ContainerRegistry_V20150921", "CreateRepository", {
        repositoryName: repository,
        imageTagMutability: "IMMUTABLE",
      }),
    );
  const secretArns = await keepSecrets(call, application.secrets, secrets);
  const definitions = await readDefinitions(root, application);
  const found = Object.entries(secretArns).map(([name, arn]) => [name, { arn }]);
  // First of all that acts: whatever is there already is held to what its role may do now.
  makeRoles(aws, application, { secrets: Object.fromEntries(found), definitions });
  await call("AmazonEC2ContainerServiceV20141113", "CreateCluster", { clusterName: cluster });
  for (const project of application.projects)
    await createProject(call, projectInput(project, application, aws));
  const functions: Record<string, string> = {};
  for (const fn of application.functions) {
    const bundle = bundles.get(fn.file);
    if (bundle === undefined) throw new ProvisioningError(`${fn.file} was not bundled; run npm run build.`);
    functions[fn.name] = aws.lambda.publish({
      name: `${prefix}-${fn.name}`,
      bundle,
      environment: fn.environment,
      timeoutSeconds: fn.timeoutSeconds,
      memoryMegabytes: fn.memoryMegabytes,
      functionUrl: fn.functionUrl,
      roleArn: role(aws, roleNames.function(application, fn.name)),
    });
  }
  const machines: Record<string, string> = {};
  // The release machine starts the deploy machine, so that one comes first.
  for (const name of ["DeployMachine", "ReleaseMachine"] as const) {
    const definition = render(definitions[name], { ...functions, ...machines }, name);
    machines[name] = await createMachine(call, aws, {
      name: `${prefix}-${name}`,
      definition,
      roleArn: role(aws, roleNames.machine(application, name)),
    });
  }
  await unlessThere("ResourceAlreadyExistsException", () =>
    call("AWSEvents", "CreateEventBus", { Name: bus }),
  );
  const members = await provisionMembers(aws, application, secrets);
  const resources = { ...resourcesOf(aws, application, secretArns, machines), members };
  await call("DynamoDB_20120810", "PutItem", {
    TableName: table,
    Item: JSON.parse(installationItem({ config, resources })),
  });
  for (const name of ["default", bus]) await removeOldRules(call, name, prefix, application);
  // Rules last: nothing may start before everything is there.
  for (const rule of application.rules)
    await createRule(call, rule, {
      ...{ bus, machines, functions, prefix },
      role: role(aws, roleNames.rule(application, rule.name)),
    });
  return { table, bus, machines, functions };
}

async function readDefinitions(
  root: string,
  { machines }: Application,
): Promise<Readonly<Record<MachineName, string>>> {
  const read = (name: MachineName) => readFile(join(root, machines[name]), "utf8");
  return { DeployMachine: await read("DeployMachine"), ReleaseMachine: await read("ReleaseMachine") };
}

async function createProject(call: Call, input: object): Promise<void> {
  const create = () => call("CodeBuild_20161006", "CreateProject", input);
  if (!(await unlessThere("ResourceAlreadyExistsException", create)))
    await call("CodeBuild_20161006", "UpdateProject", input);
}

/** @returns the machine's ARN. Executions that are open keep the definition with which they began. */
async function createMachine(
  call: Call,
  { world }: LocalAws,
  input: { readonly name: string; readonly definition: string; readonly roleArn: string },
): Promise<string> {
  const stateMachineArn = `arn:aws:states:${world.region}:${world.accountId}:stateMachine:${input.name}`;
  const create = () => call("AWSStepFunctions", "CreateStateMachine", input);
  if (!(await unlessThere("StateMachineAlreadyExists", create))) {
    const { definition, roleArn } = input;
    await call("AWSStepFunctions", "UpdateStateMachine", { stateMachineArn, definition, roleArn });
  }
  return stateMachineArn;
}

async function createTable(call: Call, table: string): Promise<void> {
  const keySchema = ({ partition, sort }: { partition: string; sort: string }) => [
    { AttributeName: partition, KeyType: "HASH" },
    { AttributeName: sort, KeyType: "RANGE" },
  ];
  const shape = {
    KeySchema: keySchema(tableShape.keys),
    AttributeDefinitions: Object.entries(tableShape.attributes).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    GlobalSecondaryIndexes: Object.entries(tableShape.indexes).map(([IndexName, keys]) => ({
      IndexName,
      KeySchema: keySchema(keys),
      Projection: { ProjectionType: "ALL" },
    })),
  };
  const create = () =>
    call("DynamoDB_20120810", "CreateTable", { TableName: table, BillingMode: "PAY_PER_REQUEST", ...shape });
  if (await unlessThere("ResourceInUseException", create)) return;
  const { Table } = Object(await call("DynamoDB_20120810", "DescribeTable", { TableName: table }));
  if (describeShape(Table) !== describeShape(shape))
    throw new ProvisioningError(
      `The table ${table} that is kept has other keys or indexes than this version uses. Begin anew with --fresh, which deletes it.`,
    );
}

/** Keys and indexes of a table as one text, whatever their order. */
function describeShape(table: unknown): string {
  const { KeySchema, AttributeDefinitions = [], GlobalSecondaryIndexes = [] } = Object(table);
  const sorted = (list: readonly object[]) => list.map((one) => JSON.stringify(one)).toSorted();
  const indexes = GlobalSecondaryIndexes.map(
    ({ IndexName, KeySchema: keys, Projection }: Record<string, unknown>) => ({
      IndexName,
      keys,
      Projection,
    }),
  );
  return JSON.stringify([KeySchema, sorted(AttributeDefinitions), sorted(indexes)]);
}

function projectInput(
  project: Application["projects"][number],
  application: Application,
  aws: LocalAws,
): object {
  const { type, image, computeType, isLambda } = project.compute;
  return {
    name: project.name,
    source: { type: project.source.type, location: project.source.location, buildspec: project.buildspec },
    artifacts: {
      type: "S3",
      location: artifactsBucket(application),
      path: project.name,
      namespaceType: "BUILD_ID",
      name: "artifacts",
    },
    environment: { type, image, computeType, privilegedMode: project.pushesTo.length > 0 },
    serviceRole: role(aws, roleNames.project(project.name)),
    vpcConfig: project.network
      ? { vpcId: "vpc-local", subnets: ["subnet-local"], securityGroupIds: ["sg-local"] }
      : {},
    ...(isLambda
      ? { cache: { type: "NO_CACHE" } }
      : {
          cache: { type: "LOCAL", modes: ["LOCAL_CUSTOM_CACHE", "LOCAL_DOCKER_LAYER_CACHE"] },
          timeoutInMinutes: project.timeoutMinutes,
        }),
  };
}

/** Tells the rules that were made here from those that a person made. */
function ruleMark(prefix: string): string {
  return `Made by the installation ${prefix}`;
}

/** Removes the rules that an earlier version of the application described and this one does not. */
async function removeOldRules(
  call: Call,
  EventBusName: string,
  prefix: string,
  { rules }: Application,
): Promise<void> {
  const { Rules = [] } = Object(await call("AWSEvents", "ListRules", { EventBusName }));
  for (const { Name, Description } of Rules) {
    if (Description !== ruleMark(prefix) || rules.some(({ name }) => name === Name)) continue;
    await call("AWSEvents", "RemoveTargets", { Rule: Name, EventBusName, Ids: [Name] });
    await call("AWSEvents", "DeleteRule", { Name, EventBusName });
  }
}

async function createRule(
  call: Call,
  { name, bus, pattern, schedule, target }: RuleDescription,
  made: {
    bus: string;
    machines: Record<string, string>;
    functions: Record<string, string>;
    role: string;
    prefix: string;
  },
): Promise<void> {
  const EventBusName = bus === "default" ? "default" : made.bus;
  await call("AWSEvents", "PutRule", {
    Name: name,
    EventBusName,
    Description: ruleMark(made.prefix),
    ...(pattern === undefined ? {} : { EventPattern: JSON.stringify(pattern) }),
    ...(schedule === undefined ? {} : { ScheduleExpression: schedule }),
  });
  const Target =
    "machine" in target
      ? { Id: name, Arn: made.machines[target.machine], RoleArn: made.role }
      : { Id: name, Arn: made.functions[target.function] };
  await call("AWSEvents", "PutTargets", { Rule: name, EventBusName, Targets: [Target] });
}

/** Puts ARNs for the placeholders of a state machine. */
function render(source: string, values: Readonly<Record<string, string>>, machine: string): string {
  return source.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new ProvisioningError(
        `${machine} has a placeholder \${${name}}, which the application does not describe.`,
      );
    return value;
  });
}

function resourcesOf(
  aws: LocalAws,
  application: Application,
  secrets: Readonly<Record<string, string>>,
  machines: Readonly<Record<string, string>>,
) {
  const { accountId, region } = aws.world;
  return {
    ...accountResources(application, application, aws.world, secrets),
    prefix: application.prefix,
    releaseMachineArn: machines.ReleaseMachine,
    deployMachineArn: machines.DeployMachine,
    registry: `${accountId}.dkr.ecr.${region}.amazonaws.com`,
  };
}

function role({ world }: LocalAws, name: string): string {
  return `arn:aws:iam::${world.accountId}:role/${name}`;
}
