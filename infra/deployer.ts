import type { Application } from "./application.ts";
import { arn, type Place, physicalName, type Statement } from "./arns.ts";

/** What who deploys may do, so that the installation can be made, changed and removed, and nothing more. */

/** A kind of thing that an installation is made of: what is done to it, and where. */
interface Rights {
  readonly actions: readonly string[];
  /** What the actions are bound to; "*" for those of which AWS knows no resource. */
  readonly on: keyof ReturnType<typeof scopesOf>;
}

/**
 * Pulumi's name of a resource → the rights to make, read, change, tag and delete it. A test runs the program and
 * refuses a resource that is not here.
 */
export const rightsByResource: Readonly<Record<string, readonly Rights[]>> = {
  "aws:apprunner/vpcConnector:VpcConnector": [
    onThe(
      "connectors",
      "apprunner",
      "CreateVpcConnector DescribeVpcConnector DeleteVpcConnector ListTagsForResource",
    ),
    onThe("serviceRoles", "iam", "CreateServiceLinkedRole"),
  ],
  "aws:cloudwatch/dashboard:Dashboard": [
    onThe("dashboards", "cloudwatch", "PutDashboard GetDashboard DeleteDashboards"),
  ],
  "aws:cloudwatch/eventArchive:EventArchive": [
    onThe("archives", "events", "CreateArchive DescribeArchive UpdateArchive DeleteArchive"),
    onThe("buses", "events", "CreateArchive"),
  ],
  "aws:cloudwatch/eventBus:EventBus": [
    onThe(
      "buses",
      "events",
      "CreateEventBus DescribeEventBus UpdateEventBus DeleteEventBus ListTagsForResource TagResource",
    ),
  ],
  "aws:cloudwatch/eventBusPolicy:EventBusPolicy": [
    onThe("buses", "events", "DescribeEventBus"),
    onThe("anything", "events", "PutPermission RemovePermission"),
  ],
  "aws:cloudwatch/eventRule:EventRule": [
    onThe("rules", "events", "PutRule DescribeRule DeleteRule ListTagsForResource TagResource"),
  ],
  "aws:cloudwatch/eventTarget:EventTarget": [
    onThe("rules", "events", "PutTargets RemoveTargets ListTargetsByRule"),
    onThe("roles", "iam", "PassRole"),
  ],
  "aws:cloudwatch/logGroup:LogGroup": [
    onThe("logs", "logs", "CreateLogGroup DeleteLogGroup PutRetentionPolicy ListTagsForResource TagResource"),
    onThe("anything", "logs", "DescribeLogGroups"),
  ],
  "aws:cloudwatch/metricAlarm:MetricAlarm": [
    onThe(
      "alarms",
      "cloudwatch",
      "PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource TagResource",
    ),
  ],
  "aws:codebuild/project:Project": [
    onThe("projects", "codebuild", "CreateProject BatchGetProjects UpdateProject DeleteProject"),
    onThe("roles", "iam", "PassRole"),
  ],
  "aws:dynamodb/table:Table": [
    onThe(
      "tables",
      "dynamodb",
      "CreateTable DescribeTable UpdateTable DeleteTable DescribeContinuousBackups UpdateContinuousBackups DescribeTimeToLive UpdateTimeToLive ListTagsOfResource TagResource",
    ),
  ],
  "aws:dynamodb/tableItem:TableItem": [onThe("tables", "dynamodb", "PutItem GetItem UpdateItem DeleteItem")],
  "aws:ec2/securityGroup:SecurityGroup": [
    onThe(
      "groups",
      "ec2",
      "CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress CreateTags",
    ),
    onThe("vpcs", "ec2", "CreateSecurityGroup"),
    onThe("anything", "ec2", "DescribeSecurityGroups DescribeSecurityGroupRules DescribeNetworkInterfaces"),
  ],
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": [
    onThe("repositories", "ecr", "PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy"),
  ],
  "aws:ecr/repository:Repository": [
    onThe(
      "repositories",
      "ecr",
      "CreateRepository DescribeRepositories DeleteRepository PutImageTagMutability PutImageScanningConfiguration ListTagsForResource TagResource",
    ),
  ],
  "aws:ecr/repositoryPolicy:RepositoryPolicy": [
    onThe("repositories", "ecr", "SetRepositoryPolicy GetRepositoryPolicy DeleteRepositoryPolicy"),
  ],
  "aws:ecs/cluster:Cluster": [
    onThe(
      "clusters",
      "ecs",
      "CreateCluster DescribeClusters UpdateCluster DeleteCluster ListTagsForResource TagResource",
    ),
  ],
  "aws:iam/policy:Policy": [
    onThe(
      "policies",
      "iam",
      "CreatePolicy GetPolicy GetPolicyVersion ListPolicyVersions CreatePolicyVersion DeletePolicyVersion DeletePolicy TagPolicy",
    ),
  ],
  "aws:iam/role:Role": [
    onThe(
      "roles",
      "iam",
      "CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole TagRole PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole",
    ),
  ],
  "aws:iam/rolePolicy:RolePolicy": [onThe("roles", "iam", "PutRolePolicy GetRolePolicy DeleteRolePolicy")],
  "aws:lambda/function:Function": [
    onThe(
      "functions",
      "lambda",
      "CreateFunction GetFunction GetFunctionCodeSigningConfig UpdateFunctionCode UpdateFunctionConfiguration PublishVersion ListVersionsByFunction DeleteFunction TagResource ListTags",
    ),
    onThe("roles", "iam", "PassRole"),
  ],
  "aws:lambda/functionUrl:FunctionUrl": [
    onThe(
      "functions",
      "lambda",
      "CreateFunctionUrlConfig GetFunctionUrlConfig UpdateFunctionUrlConfig DeleteFunctionUrlConfig AddPermission RemovePermission GetPolicy",
    ),
  ],
  "aws:lambda/invocation:Invocation": [onThe("remover", "lambda", "InvokeFunction")],
  "aws:lambda/permission:Permission": [
    onThe("functions", "lambda", "AddPermission RemovePermission GetPolicy"),
  ],
  "aws:s3/bucket:Bucket": [
    onThe(
      "buckets",
      "s3",
      "CreateBucket ListBucket DeleteBucket GetBucketAcl GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetAccelerateConfiguration GetEncryptionConfiguration GetReplicationConfiguration PutBucketTagging ListBucketVersions",
    ),
    onThe("objects", "s3", "DeleteObject DeleteObjectVersion"),
  ],
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": [
    onThe("buckets", "s3", "PutLifecycleConfiguration GetLifecycleConfiguration"),
  ],
  "aws:s3/bucketPolicy:BucketPolicy": [
    onThe("buckets", "s3", "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy"),
  ],
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
    onThe("buckets", "s3", "PutBucketPublicAccessBlock GetBucketPublicAccessBlock"),
  ],
  "aws:s3/bucketObjectv2:BucketObjectv2": [
    onThe("sstBuckets", "s3", "ListBucket"),
    onThe("sstObjects", "s3", "PutObject GetObject GetObjectTagging PutObjectTagging DeleteObject"),
  ],
  "aws:sfn/stateMachine:StateMachine": [
    onThe(
      "machines",
      "states",
      "CreateStateMachine DescribeStateMachine UpdateStateMachine DeleteStateMachine ListStateMachineVersions ListTagsForResource TagResource",
    ),
    onThe("anything", "states", "ValidateStateMachineDefinition"),
    onThe("roles", "iam", "PassRole"),
  ],
  "aws:sns/topic:Topic": [
    onThe(
      "topics",
      "sns",
      "CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ListTagsForResource TagResource",
    ),
  ],
  "aws:sns/topicPolicy:TopicPolicy": [onThe("topics", "sns", "GetTopicAttributes SetTopicAttributes")],
  "aws:sns/topicSubscription:TopicSubscription": [
    onThe("topics", "sns", "Subscribe GetSubscriptionAttributes Unsubscribe"),
  ],
  "aws:sqs/queue:Queue": [
    onThe(
      "queues",
      "sqs",
      "CreateQueue GetQueueAttributes GetQueueUrl SetQueueAttributes DeleteQueue ListQueueTags TagQueue",
    ),
  ],
  "aws:sqs/queuePolicy:QueuePolicy": [onThe("queues", "sqs", "GetQueueAttributes SetQueueAttributes")],
  // Made by Pulumi itself, of nothing in AWS.
  "random:index/randomBytes:RandomBytes": [],
};

/** What is only looked at before anything is made, and where SST keeps its own state. */
const besides: readonly Rights[] = [
  onThe("anything", "sts", "GetCallerIdentity"),
  onThe("anything", "ec2", "DescribeSubnets DescribeVpcs DescribeVpcAttribute DescribeSecurityGroups"),
  onThe("anything", "ecr", "DescribeRepositories"),
  onThe("anything", "ecs", "DescribeClusters"),
  onThe("anything", "apprunner", "ListServices"),
  onThe("anything", "secretsmanager", "DescribeSecret"),
  onThe("machines", "states", "ListExecutions"),
  onThe("executions", "states", "DescribeStateMachineForExecution"),
  onThe(
    "sstBuckets",
    "s3",
    "CreateBucket ListBucket PutBucketVersioning PutBucketPolicy PutBucketNotification GetBucketVersioning",
  ),
  onThe("sstObjects", "s3", "PutObject GetObject DeleteObject"),
  onThe("sstParameters", "ssm", "PutParameter GetParameter GetParameters"),
  onThe("sstRepositories", "ecr", "CreateRepository DescribeRepositories"),
];

function onThe(on: Rights["on"], service: string, verbs: string): Rights {
  return { actions: verbs.split(" ").map((verb) => `${service}:${verb}`), on };
}

/** Where an installation's things are, as patterns. */
function scopesOf({ prefix, removal, repositories }: Application, place: Omit<Place, "roles">) {
  const at = (service: string, rest: string) => arn(place, service, rest);
  const { partition, account } = place;
  return {
    alarms: [at("cloudwatch", `alarm:${prefix}-*`)],
    anything: ["*"],
    archives: [at("events", `archive/${prefix.slice(0, 48)}`)],
    buckets: [`arn:${partition}:s3:::${prefix}-*`],
    buses: [at("events", `event-bus/${prefix}`)],
    clusters: [at("ecs", `cluster/${prefix}`)],
    connectors: [at("apprunner", `vpcconnector/${prefix}/*/*`)],
    dashboards: [`arn:${partition}:cloudwatch::${account}:dashboard/${prefix}`],
    executions: [at("states", `execution:${prefix}-*:*`)],
    functions: [at("lambda", `function:${prefix}-*`)],
    groups: [at("ec2", "security-group/*")],
    logs: [`codebuild/${prefix}-*`, `lambda/${prefix}-*`, `vendedlogs/states/${prefix}-*`]
      .map((name) => at("logs", `log-group:/aws/${name}`))
      .concat(at("logs", `log-group:/spillway/${prefix}/*`)),
    machines: [at("states", `stateMachine:${prefix}-*`)],
    objects: [`arn:${partition}:s3:::${prefix}-*/*`],
    policies: [`arn:${partition}:iam::${account}:policy/${prefix}-*`],
    projects: [at("codebuild", `project/${prefix}-*`)],
    queues: [at("sqs", `${prefix}-*`)],
    // With the version that Pulumi names, and without.
    remover: ["", ":$LATEST"].flatMap((version) =>
      removal === undefined
        ? []
        : [at("lambda", `function:${physicalName({ prefix }, removal.function)}${version}`)],
    ),
    repositories: repositories.map((name) => at("ecr", `repository/${name}`)),
    roles: [`arn:${partition}:iam::${account}:role/${prefix}-*`],
    rules: [at("events", `rule/${prefix}-*`), at("events", `rule/${prefix}/*`)],
    serviceRoles: [
      `arn:${partition}:iam::${account}:role/aws-service-role/networking.apprunner.amazonaws.com/*`,
    ],
    sstBuckets: ["asset", "state"].map((name) => `arn:${partition}:s3:::sst-${name}-*`),
    sstObjects: ["asset", "state"].map((name) => `arn:${partition}:s3:::sst-${name}-*/*`),
    sstParameters: [at("ssm", "parameter/sst/*")],
    sstRepositories: [at("ecr", "repository/sst-asset")],
    tables: [at("dynamodb", `table/${prefix}-*`)],
    topics: [at("sns", `${prefix}-*`)],
    vpcs: [at("ec2", "vpc/*")],
  };
}

/** The rights to deploy an installation, change it and remove it: a statement for each kind of place. */
export function deployerStatements(application: Application, place: Omit<Place, "roles">): Statement[] {
  const all = [...Object.values(rightsByResource).flat(), ...besides];
  const scopes = Object.entries(scopesOf(application, place)).filter(([, resources]) => resources.length > 0);
  return scopes.map(([scope, resources]) => ({
    actions: [...new Set(all.filter(({ on }) => on === scope).flatMap(({ actions }) => actions))].toSorted(),
    resources,
    conditions: [],
  }));
}

/** AWS allows so many characters, without spaces, to a policy that is managed by a customer. */
const mostCharacters = 6144;

/** The same as the texts of as few managed policies as AWS has room for. */
export function deployerPolicies(application: Application, place: Omit<Place, "roles">): string[] {
  const policies: object[][] = [];
  const textOf = (Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
  for (const { actions, resources } of deployerStatements(application, place)) {
    const statement = { Effect: "Allow", Action: actions, Resource: resources };
    const last = policies.at(-1);
    if (last !== undefined && textOf([...last, statement]).length <= mostCharacters) last.push(statement);
    else policies.push([statement]);
  }
  return policies.map(textOf);
}
