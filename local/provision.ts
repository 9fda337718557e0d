import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { marshall } from "@aws-sdk/util-dynamodb";
import { type Application, type RuleDescription, tableShape } from "../infra/application.ts";
import type { LocalAws } from "./aws.ts";

/** What an installation on a laptop is made of. */
export interface Provisioning {
  readonly application: Application;
  /** The parsed config, kept as the installation's record. */
  readonly config: unknown;
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

/** An operation of the local AWS refused what the application describes: the two do not fit. */
export class ProvisioningError extends Error {
  override readonly name = "ProvisioningError";
}

/** Makes everything that `infra/application.ts` describes, through the same API that AWS has. */
export async function provision(
  aws: LocalAws,
  { application, config, prefix, root, bundles, secrets }: Provisioning,
): Promise<Provisioned> {
  const call = caller(aws);
  const { table } = application;
  const bus = prefix;
  await createTable(call, table);
  for (const repository of application.repositories)
    await call("AmazonEC2ContainerRegistry_V20150921", "CreateRepository", {
      repositoryName: repository,
      imageTagMutability: "IMMUTABLE",
    });
  const secretArns: Record<string, string> = {};
  for (const name of application.secrets) {
    const value = secrets[name];
    if (value === undefined)
      throw new ProvisioningError(`The configuration names the secret ${name}, but nobody gave its value.`);
    secretArns[name] = text(
      await call("secretsmanager", "CreateSecret", {
        Name: name,
        SecretString: value,
        ClientRequestToken: `${prefix}-${name}`.padEnd(32, "-").slice(0, 64),
      }),
      "ARN",
    );
  }
  await call("AmazonEC2ContainerServiceV20141113", "CreateCluster", { clusterName: prefix });
  for (const project of application.projects)
    await call("CodeBuild_20161006", "CreateProject", projectInput(project, prefix, aws));
  const functions: Record<string, string> = {};
  for (const fn of application.functions) {
    const bundle = bundles.get(fn.file);
    if (bundle === undefined) throw new ProvisioningError(`${fn.file} was not bundled; run npm run build.`);
    functions[fn.name] = aws.lambda.publish({
      name: `${prefix}-${fn.name}`,
      bundle,
      environment: { SPILLWAY_TABLE: table, POWERTOOLS_SERVICE_NAME: fn.name },
      timeoutSeconds: fn.timeoutSeconds,
      memoryMegabytes: fn.memoryMegabytes,
    });
  }
  const machines: Record<string, string> = {};
  // The release machine starts the deploy machine, so that one comes first.
  for (const name of ["DeployMachine", "ReleaseMachine"] as const) {
    const definition = render(
      await readFile(join(root, application.machines[name]), "utf8"),
      { ...functions, ...machines },
      name,
    );
    machines[name] = text(
      await call("AWSStepFunctions", "CreateStateMachine", {
        name: `${prefix}-${name}`,
        definition,
        roleArn: role(aws, name),
      }),
      "stateMachineArn",
    );
  }
  await call("AWSEvents", "CreateEventBus", { Name: bus });
  const installation = { config, resources: resourcesOf(aws, prefix, secretArns, machines) };
  await call("DynamoDB_20120810", "PutItem", {
    TableName: table,
    Item: marshall({ pk: "INSTALLATION", sk: "CURRENT", ...installation }, { removeUndefinedValues: true }),
  });
  // Rules last: nothing may start before everything is there.
  for (const rule of application.rules)
    await createRule(call, rule, { bus, machines, functions, role: role(aws, rule.name) });
  return { table, bus, machines, functions };
}

type Call = (target: string, operation: string, input: object) => Promise<unknown>;

/** Calls the local AWS as a client would, without a socket. */
function caller({ gateway }: LocalAws): Call {
  return async (target, operation, input) => {
    const { status, body } = await gateway.handle({
      method: "POST",
      path: "/",
      query: {},
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `${target}.${operation}` },
      body: new TextEncoder().encode(JSON.stringify(input)),
    });
    const answer = new TextDecoder().decode(body);
    if (status >= 300) throw new ProvisioningError(`${operation} was refused: ${answer.slice(0, 500)}`);
    return JSON.parse(answer === "" ? "{}" : answer);
  };
}

async function createTable(call: Call, table: string): Promise<void> {
  const keySchema = ({ partition, sort }: { partition: string; sort: string }) => [
    { AttributeName: partition, KeyType: "HASH" },
    { AttributeName: sort, KeyType: "RANGE" },
  ];
  await call("DynamoDB_20120810", "CreateTable", {
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
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
  });
}

function projectInput(project: Application["projects"][number], prefix: string, aws: LocalAws): object {
  return {
    name: project.name,
    source: { type: project.source.type, location: project.source.location, buildspec: project.buildspec },
    artifacts: {
      type: "S3",
      location: `${prefix}-artifacts`,
      path: project.name,
      namespaceType: "BUILD_ID",
      name: "artifacts",
    },
    cache: { type: "LOCAL", modes: ["LOCAL_CUSTOM_CACHE", "LOCAL_DOCKER_LAYER_CACHE"] },
    environment: {
      type: "LINUX_CONTAINER",
      image: project.image,
      computeType: project.computeType,
      privilegedMode: project.pushesTo.length > 0,
    },
    serviceRole: role(aws, `${prefix}-build`),
    timeoutInMinutes: project.timeoutMinutes,
  };
}

async function createRule(
  call: Call,
  { name, bus, pattern, schedule, target }: RuleDescription,
  made: { bus: string; machines: Record<string, string>; functions: Record<string, string>; role: string },
): Promise<void> {
  const EventBusName = bus === "default" ? "default" : made.bus;
  await call("AWSEvents", "PutRule", {
    Name: name,
    EventBusName,
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
  prefix: string,
  secrets: Readonly<Record<string, string>>,
  machines: Readonly<Record<string, string>>,
) {
  return {
    prefix,
    cluster: prefix,
    subnets: ["subnet-local"],
    securityGroups: ["sg-local"],
    taskExecutionRoleArn: role(aws, `${prefix}-task-execution`),
    migrationTaskRoleArn: role(aws, `${prefix}-migration`),
    appRunnerAccessRoleArn: role(aws, `${prefix}-apprunner-access`),
    appRunnerInstanceRoleArn: role(aws, `${prefix}-apprunner-instance`),
    migrationLogGroup: `/spillway/${prefix}/migrations`,
    releaseMachineArn: machines.ReleaseMachine,
    deployMachineArn: machines.DeployMachine,
    registry: `${aws.world.accountId}.dkr.ecr.${aws.world.region}.amazonaws.com`,
    secrets,
  };
}

function role({ world }: LocalAws, name: string): string {
  return `arn:aws:iam::${world.accountId}:role/${name}`;
}

function text(answer: unknown, member: string): string {
  const value =
    typeof answer === "object" && answer !== null
      ? Object.entries(answer).find(([name]) => name === member)?.[1]
      : undefined;
  if (typeof value === "string") return value;
  throw new ProvisioningError(`The local AWS answered without ${member}.`);
}
