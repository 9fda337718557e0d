import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import type { ConfigInput } from "../../core/config.ts";
import { platform, root } from "./platform.ts";

/** Runs `sst.config.ts` with the real components of SST, under Pulumi's mocks: nothing of AWS is asked. */

/** A resource that the program registered. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Inputs;
  readonly retainOnDelete: boolean;
}
// biome-ignore lint/suspicious/noExplicitAny: whatever a provider's resource takes
export type Inputs = Record<string, any>;

/** What the account is like in which the program runs. */
export interface Account {
  readonly stage?: string;
  /** For which account the credentials are. */
  readonly accountId?: string;
  /** Member account → what the parameter says that it has, as text; one that is not here lets nobody in. */
  readonly members?: Readonly<Record<string, string>>;
  readonly region?: string;
  readonly config?: ConfigInput;
  /** Secrets that are not there. */
  readonly missingSecrets?: readonly string[];
  /** Repository → the installation that made it; "": nobody. */
  readonly repositories?: Readonly<Record<string, string>>;
  readonly defaultVpc?: boolean;
  /** Subnet or security group → its VPC, where that is not vpc-0a; "": it is not there. */
  readonly vpcs?: Readonly<Record<string, string>>;
  /** ECS clusters that are there already. */
  readonly clusters?: readonly string[];
  /** What App Runner answers to ListServices. */
  readonly appRunner?: { readonly status: number; readonly body: object };
  /** Execution → the definition with which it began; null: the machines are not there yet. */
  readonly openExecutions?: Readonly<Record<string, string>> | null;
}

export const accountId = "123456789012";

/** Answers for what a program looks up. */
function answer(
  account: Required<Account>,
  { token, inputs, provider = "" }: pulumi.runtime.MockCallArgs,
): Inputs {
  const { region, accountId } = account;
  switch (token) {
    case "aws:index/getRegion:getRegion":
      return { region, name: region, id: region };
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", dnsSuffix: "amazonaws.com" };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId, arn: `arn:aws:iam::${accountId}:root` };
    case "aws:ssm/getParameter:getParameter": {
      const value = account.members[/Member-(\d{12})/.exec(provider)?.[1] ?? ""];
      if (value === undefined) throw engineError("Cannot assume IAM Role: operation error STS: AssumeRole");
      return { name: inputs.name, insecureValue: value };
    }
    case "aws:secretsmanager/getSecret:getSecret":
      if (account.missingSecrets.includes(inputs.name))
        throw engineError(`reading Secrets Manager Secret (${inputs.name}): couldn't find resource`);
      return {
        name: inputs.name,
        arn: `arn:aws:secretsmanager:${region}:${accountId}:secret:${inputs.name}-AbCdEf`,
      };
    case "aws:ecr/getRepositories:getRepositories":
      return { names: Object.keys(account.repositories), region, id: region };
    case "aws:ecr/getRepository:getRepository":
      return { tags: tagsOf(account.repositories[inputs.name]) };
    case "aws:ec2/getVpc:getVpc":
      if (!account.defaultVpc) throw engineError("reading EC2 VPC: no matching EC2 VPC found");
      return { id: "vpc-1" };
    case "aws:ec2/getSubnets:getSubnets":
      return { ids: ["subnet-1", "subnet-2"] };
    case "aws:ec2/getSubnet:getSubnet":
    case "aws:ec2/getSecurityGroup:getSecurityGroup": {
      const vpcId = account.vpcs[inputs.id] ?? "vpc-0a";
      if (vpcId === "") throw engineError(`reading EC2 (${inputs.id}): couldn't find resource`);
      return { ...inputs, vpcId };
    }
    case "aws:ecs/getCluster:getCluster":
      if (!account.clusters.includes(inputs.clusterName))
        throw engineError(`reading ECS Cluster (${inputs.clusterName}): couldn't find resource`);
      return { ...inputs, status: "ACTIVE" };
    case "aws:iam/getPolicyDocument:getPolicyDocument":
      return policyDocument(inputs);
    default:
      return inputs;
  }
}

function tagsOf(installation: string | undefined): Inputs {
  return installation === undefined || installation === "" ? {} : { "spillway:installation": installation };
}

/** As Pulumi's engine hands on what the provider says. */
function engineError(details: string): Error {
  return Object.assign(new Error(details), { details });
}

/** A policy's text, as the AWS provider makes it of statements. */
function policyDocument(inputs: Inputs): Inputs {
  const statements: Inputs[] = inputs.statements ?? [];
  const json = JSON.stringify({
    Version: "2012-10-17",
    Statement: statements.map(
      ({ effect = "Allow", actions, resources, principals = [], conditions = [] }) => ({
        Effect: effect,
        Action: actions,
        Resource: resources,
        Principal:
          principals.length === 0
            ? undefined
            : Object.fromEntries(principals.map(({ type, identifiers }: Inputs) => [type, identifiers])),
        Condition:
          conditions.length === 0
            ? undefined
            : Object.fromEntries(
                conditions.map(({ test, variable, values }: Inputs) => [test, { [variable]: values }]),
              ),
      }),
    ),
  });
  return { ...inputs, statements: statements.length > 0 ? statements : undefined, json, minifiedJson: json };
}

/** What AWS would add to a resource: its ARN, and the name if the program gave none. */
function made(
  { region, accountId }: Required<Account>,
  { type, name, inputs }: pulumi.runtime.MockResourceArgs,
): Inputs {
  const physical: string = inputs.name ?? name;
  const at = (service: string, rest: string) => `arn:aws:${service}:${region}:${accountId}:${rest}`;
  const arns: Record<string, string> = {
    "aws:lambda/function:Function": at("lambda", `function:${physical}`),
    "aws:dynamodb/table:Table": at("dynamodb", `table/${physical}`),
    "aws:sfn/stateMachine:StateMachine": at("states", `stateMachine:${physical}`),
    "aws:cloudwatch/eventBus:EventBus": at("events", `event-bus/${physical}`),
    "aws:cloudwatch/eventRule:EventRule": at(
      "events",
      inputs.eventBusName === undefined || inputs.eventBusName === "default"
        ? `rule/${physical}`
        : `rule/${inputs.eventBusName}/${physical}`,
    ),
    "aws:cloudwatch/logGroup:LogGroup": at("logs", `log-group:${physical}`),
    "aws:ecs/cluster:Cluster": at("ecs", `cluster/${physical}`),
    "aws:ecr/repository:Repository": at("ecr", `repository/${physical}`),
    "aws:iam/role:Role": `arn:aws:iam::${accountId}:role/${physical}`,
    "aws:s3/bucket:Bucket": `arn:aws:s3:::${inputs.bucket ?? name.toLowerCase()}`,
    "aws:sns/topic:Topic": at("sns", physical),
    "aws:apprunner/vpcConnector:VpcConnector": at(
      "apprunner",
      `vpcconnector/${inputs.vpcConnectorName}/1/one`,
    ),
    "aws:sqs/queue:Queue": at("sqs", physical),
    "aws:ssm/parameter:Parameter": at("ssm", `parameter${physical}`),
  };
  const arn = arns[type] ?? at((type.split(":").pop() ?? "").toLowerCase(), physical);
  return {
    arn,
    name: physical,
    ...(type === "aws:lambda/functionUrl:FunctionUrl"
      ? { functionUrl: `https://${name.toLowerCase()}.lambda-url.${region}.on.aws/` }
      : {}),
    ...(type === "aws:lambda/function:Function" ? { qualifiedArn: `${arn}:7`, version: "7" } : {}),
    ...(type === "random:index/randomBytes:RandomBytes"
      ? { base64: Buffer.alloc(32).toString("base64") }
      : {}),
    ...(type === "aws:s3/bucket:Bucket" ? { bucket: inputs.bucket ?? name.toLowerCase() } : {}),
    ...inputs,
  };
}

/** What an AWS API of the account answers to an operation. */
function awsAnswer(
  account: Required<Account>,
  operation: string,
  { stateMachineArn = "", executionArn = "" }: Inputs,
): { readonly status: number; readonly body: object } {
  const { openExecutions } = account;
  switch (operation) {
    case "AppRunner.ListServices":
      return account.appRunner;
    case "AWSStepFunctions.ListExecutions": {
      if (openExecutions === null)
        return { status: 400, body: { __type: "StateMachineDoesNotExist", message: stateMachineArn } };
      const arn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:`;
      const executions = Object.keys(openExecutions)
        .filter((executionArn) => executionArn.startsWith(arn))
        .map((executionArn) => ({
          executionArn,
          stateMachineArn,
          name: "one",
          status: "RUNNING",
          startDate: 0,
        }));
      return { status: 200, body: { executions } };
    }
    case "AWSStepFunctions.DescribeStateMachineForExecution":
      return { status: 200, body: { definition: openExecutions?.[executionArn] } };
    default:
      throw new Error(`nobody has said what AWS answers to ${operation}`);
  }
}

/** What SST's components ask of its own program, and what ours asks of AWS. */
async function serve(account: Required<Account>) {
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
    const target = request.headers["x-amz-target"];
    if (target !== undefined) {
      const answer = awsAnswer(account, String(target), body);
      response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify(answer.body));
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ jsonrpc: "1.0", result: sstAnswer(body.method, body.params[0]) }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

function sstAnswer(method: string, params: Inputs): object {
  if (method === "Provider.Aws.Bootstrap") return { asset: "sst-asset", state: "sst-state" };
  if (method !== "Runtime.Build") return {};
  // With `bundle`, SST takes the folder as it is and writes the links into it.
  const out = join(root, params.bundle);
  const [file] = params.handler.split(".");
  const there = existsSync(join(out, `${file}.mjs`));
  if (there) writeFileSync(join(out, "resource.enc"), "");
  return { handler: params.handler, out, errors: there ? [] : [`no ${file}.mjs in ${out}`], sourcemaps: [] };
}

const customer = { status: 200, body: { ServiceSummaryList: [{ ServiceName: "other", ServiceArn: "arn" }] } };

/** Runs the program. @returns every resource that it makes, and its outputs. @throws what the program throws. */
export async function runApp(given: Account = {}): Promise<{ resources: Resource[]; outputs: Inputs }> {
  const account: Required<Account> = {
    stage: "production",
    region: "eu-central-1",
    accountId,
    members: {},
    config: (await vi.importActual<{ default: ConfigInput }>("../../spillway.config.ts")).default,
    missingSecrets: [],
    repositories: {},
    defaultVpc: true,
    clusters: [],
    vpcs: {},
    appRunner: customer,
    openExecutions: null,
    ...given,
  };
  vi.resetModules();
  vi.doMock("../../spillway.config.ts", () => ({ default: account.config }));
  const resources: Resource[] = [];
  const retained = new Set<string>();
  const { url, close } = await serve(account);
  Object.assign(process.env, {
    SST_SERVER: url,
    AWS_ENDPOINT_URL_APPRUNNER: url,
    AWS_ENDPOINT_URL_SFN: url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  Object.assign(globalThis, {
    $dev: false,
    $cli: {
      command: "deploy",
      rpc: "",
      paths: { home: join(root, ".sst"), root, work: join(root, ".sst"), platform },
      state: { version: {} },
    },
    $util: pulumi,
    $output: pulumi.output,
    $resolve: pulumi.all,
    $interpolate: pulumi.interpolate,
    $concat: pulumi.concat,
    $jsonParse: pulumi.jsonParse,
    $jsonStringify: pulumi.jsonStringify,
    $config: (config: unknown) => config,
  });
  const { default: config } = await import("../../sst.config.ts");
  const app = await config.app({ stage: account.stage });
  Object.assign(globalThis, {
    $app: { ...app, stage: account.stage, removal: app.removal ?? "retain", protect: app.protect ?? false },
  });
  // A rejected output is an unhandled rejection while the program itself waits for ever: the first one ends it.
  let abort: (error: unknown) => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = reject;
  });
  aborted.catch(() => {});
  process.on("unhandledRejection", abort);
  try {
    await pulumi.runtime.setMocks(
      {
        newResource(args) {
          if (!args.type.startsWith("pulumi:"))
            resources.push({
              type: args.type,
              name: args.name,
              inputs: args.inputs,
              retainOnDelete: retained.has(`${args.type} ${args.name}`),
            });
          return { id: args.id || `${args.name}-id`, state: made(account, args) };
        },
        call: (args) => answer(account, args),
      },
      app.name,
      account.stage,
      false,
    );
    Object.assign(globalThis, { aws: await import("@pulumi/aws") });
    Object.assign(globalThis, { sst: await import("../../.sst/platform/src/components/index") });
    const { run } = await import("../../.sst/platform/src/auto/run");
    const { $asset, $transform } = await import("../../.sst/platform/src/components/component");
    Object.assign(globalThis, { $asset, $transform });
    let failure: unknown;
    const program = async () => {
      // After SST's own, which says what a stage retains.
      pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
        if (opts.retainOnDelete) retained.add(`${type} ${name}`);
        return undefined;
      });
      try {
        return await config.run();
      } catch (error) {
        // Pulumi's stack would reject more than once of it.
        failure = error;
      }
    };
    const outputs = await Promise.race([pulumi.runtime.runInPulumiStack(() => run(program)), aborted]);
    if (failure !== undefined) throw failure;
    await settled(resources, aborted);
    return { resources, outputs: outputs ?? {} };
  } finally {
    process.off("unhandledRejection", abort);
    close();
  }
}

/** Resources made of outputs come late: wait until no more do. */
async function settled(resources: readonly Resource[], aborted: Promise<never>): Promise<void> {
  for (let before = -1; before !== resources.length; ) {
    before = resources.length;
    await Promise.race([pulumi.runtime.disconnect(), aborted]);
    await Promise.race([new Promise((turn) => setImmediate(turn)), aborted]);
  }
}
