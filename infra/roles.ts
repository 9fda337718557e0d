import type {
  AccountDescription,
  Application,
  EnvironmentDescription,
  FunctionDescription,
  MachineName,
  ProjectDescription,
  RuleDescription,
} from "./application.ts";
import {
  arn,
  buildLogGroup,
  machineArn,
  type Place,
  physicalName,
  type Statement,
  statementsOf,
} from "./arns.ts";

/** Where an installation is, without what was made for it. */
type Where = Omit<Place, "roles">;

/** Secret name → its ARN, and the key of yours that it is encrypted with, if it is not Secrets Manager's own. */
export type Secrets = Readonly<Record<string, { readonly arn: string; readonly key?: string | undefined }>>;

const trace = allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]);

/** Step Functions writes logs through deliveries, which no policy can bind to one group. */
const deliverLogs = allow(
  [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
  ],
  ["*"],
);

const logIn = allow(["ecr:GetAuthorizationToken"], ["*"]);

/** What a function may do: what `permissions.ts` grants it, and to write its own log. */
export function functionStatements(
  { name, permissions }: FunctionDescription,
  application: Application,
  place: Place,
): Statement[] {
  const logGroup = `/aws/lambda/${physicalName(application, name)}`;
  return [...statementsOf(permissions, application, place), writeLog(place, logGroup), trace];
}

/**
 * What a machine may do: call the functions of its states, and start, wait for and stop executions of the machines
 * that it nests. @param placeholders those of its file, each a function or a machine.
 */
export function machineStatements(
  placeholders: readonly string[],
  application: Application,
  place: Where,
): Statement[] {
  const called = application.functions.filter(({ name }) => placeholders.includes(name));
  const nested = machineNames(application).filter((name) => placeholders.includes(name));
  return [
    // Any version: an execution that began before the last upgrade calls the functions of that time.
    allow(
      ["lambda:InvokeFunction"],
      called.map(({ name }) => arn(place, "lambda", `function:${physicalName(application, name)}:*`)),
    ),
    ...nested.flatMap((name) => runNested(name, application, place)),
    trace,
    deliverLogs,
  ];
}

/** Starting executions of another machine, waiting for them and stopping them: what `startExecution.sync:2` needs. */
function runNested(name: MachineName, application: Application, place: Where): Statement[] {
  return [
    allow(["states:StartExecution"], [machineArn(application, place, name)]),
    allow(
      ["states:DescribeExecution", "states:StopExecution"],
      [arn(place, "states", `execution:${physicalName(application, name)}:*`)],
    ),
    allow(
      ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      [arn(place, "events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")],
    ),
  ];
}

/** What a rule may do: start its machine. A function lets its rule call it by a policy of its own. */
export function ruleStatements(
  { target }: Pick<RuleDescription, "target">,
  application: Application,
  place: Where,
): Statement[] {
  if (!("machine" in target)) return [];
  return [allow(["states:StartExecution"], [machineArn(application, place, target.machine)])];
}

/** What a rule of a member account may do: hand events on to the installation's bus. @param home where that is. */
export function forwardStatements({ bus }: Pick<Application, "bus">, home: Where): Statement[] {
  return [allow(["events:PutEvents"], [arn(home, "events", `event-bus/${bus}`)])];
}

/** The subnets and security groups of a network, by their ids. */
interface Network {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
}

/**
 * What the builds of a project may do: write their log, reports and artifacts, read their secrets, pull and push, and
 * join the network if they are to be in it.
 */
export function projectStatements(
  { name, secrets, pullsFrom, pushesTo, network }: ProjectDescription,
  place: Where,
  found: {
    readonly secrets: Secrets;
    /** The bucket's ARN. */
    readonly artifacts: string;
    readonly network?: Network | undefined;
  },
): Statement[] {
  return [
    writeLog(place, buildLogGroup(name)),
    allow(
      [
        "codebuild:CreateReportGroup",
        "codebuild:CreateReport",
        "codebuild:UpdateReport",
        "codebuild:BatchPutTestCases",
        "codebuild:BatchPutCodeCoverages",
      ],
      [arn(place, "codebuild", `report-group/${name}-*`)],
    ),
    allow(["s3:PutObject"], [`${found.artifacts}/${name}/*`]),
    allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], [found.artifacts]),
    ...readSecrets(secrets, found.secrets),
    ...(pullsFrom.length > 0 ? pullFrom(pullsFrom, place) : []),
    ...(pushesTo.length > 0 ? pushTo(pushesTo, place) : []),
    ...(network && found.network !== undefined ? joinNetwork(found.network, place) : []),
  ];
}

/** What CodeBuild does for a build in a network: it makes an interface there, and gives it to itself. */
function joinNetwork({ subnets, securityGroups }: Network, place: Where): Statement[] {
  const at = (rest: string) => arn(place, "ec2", rest);
  const interfaces = at("network-interface/*");
  const subnetArns = subnets.map((id) => at(`subnet/${id}`));
  const groupArns = securityGroups.map((id) => at(`security-group/${id}`));
  const inSubnets = { test: "ArnEquals", variable: "ec2:Subnet", values: subnetArns } as const;
  const toCodeBuild = {
    test: "StringEquals",
    variable: "ec2:AuthorizedService",
    values: ["codebuild.amazonaws.com"],
  } as const;
  return [
    allow(["ec2:CreateNetworkInterface"], [interfaces, ...subnetArns, ...groupArns]),
    { ...allow(["ec2:DeleteNetworkInterface"], [interfaces]), conditions: [inSubnets] },
    {
      ...allow(["ec2:CreateNetworkInterfacePermission"], [interfaces]),
      conditions: [inSubnets, toCodeBuild],
    },
    allow(
      [
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ],
      ["*"],
    ),
  ];
}

/**
 * What ECS may do to start an environment's migrations: pull, log, read that environment's secrets.
 * @param place where it runs. @param home where the images are.
 */
export function migrationStatements(
  { migrationImage, migrationSecrets }: EnvironmentDescription,
  { migrationLogGroup }: AccountDescription,
  place: Where,
  home: Where,
  secrets: Secrets,
): Statement[] {
  return [
    ...(migrationImage === undefined ? [] : pullFrom([migrationImage], home)),
    writeLog(place, migrationLogGroup),
    ...readSecrets(migrationSecrets, secrets),
  ];
}

/** What App Runner may do to start the services: pull their images, which are at home. */
export function accessStatements({ environments }: AccountDescription, home: Where): Statement[] {
  const images = [...new Set(environments.map(({ image }) => image))];
  return [...pullFrom(images, home), allow(["ecr:DescribeImages"], repositoryArns(images, home))];
}

/** What a running service may do: read its own environment's secrets. */
export function instanceStatements({ secrets }: EnvironmentDescription, found: Secrets): Statement[] {
  return readSecrets(secrets, found);
}

function writeLog(place: Where, group: string): Statement {
  return allow(
    ["logs:CreateLogStream", "logs:PutLogEvents"],
    [arn(place, "logs", `log-group:${group}:log-stream:*`)],
  );
}

/** Reading these secrets, and using the keys of yours that they are encrypted with. */
function readSecrets(names: readonly string[], found: Secrets): Statement[] {
  const wanted = names.flatMap((name) => found[name] ?? []);
  const keys = [...new Set(wanted.flatMap(({ key }) => key ?? []))];
  return [
    allow(
      ["secretsmanager:GetSecretValue"],
      wanted.map(({ arn }) => arn),
    ),
    allow(["kms:Decrypt"], keys),
  ];
}

/** Pulling images from these repositories. */
function pullFrom(repositories: readonly string[], place: Where): Statement[] {
  const actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
  return [logIn, allow(actions, repositoryArns(repositories, place))];
}

/** Pushing images to these repositories. */
function pushTo(repositories: readonly string[], place: Where): Statement[] {
  const actions = [
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
  ];
  return [logIn, allow(actions, repositoryArns(repositories, place))];
}

function repositoryArns(repositories: readonly string[], place: Where): string[] {
  return repositories.map((name) => arn(place, "ecr", `repository/${name}`));
}

function machineNames({ machines }: Application): MachineName[] {
  return (["DeployMachine", "ReleaseMachine"] as const).filter((name) => name in machines);
}

function allow(actions: readonly string[], resources: readonly string[]): Statement {
  return { actions: [...actions], resources: [...resources], conditions: [] };
}
