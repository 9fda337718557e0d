/** Every `*` that a policy of ours may say, and why. A test refuses any other. */

/** Actions that may be allowed on `*`, because no narrower resource works. */
export const unboundActions: Readonly<Record<string, string>> = {
  "states:SendTaskSuccess":
    "Step Functions knows no resource for it; the token is the right, and it never leaves the table",
  "states:SendTaskFailure": "as SendTaskSuccess",
  "ecs:ListTasks":
    "its resource is a container instance, which Fargate has none of; the condition ecs:cluster binds it",
  "apprunner:ListServices": "a list has no resource; only a service's own ARN lets anyone look further",
  "ecs:ListTaskDefinitions": "a list has no resource; it names, and tells nothing else",
  "ecs:DeregisterTaskDefinition":
    "ECS knows no resource for it; only a stage that is thrown away has it, and only the families of its own are asked for",
  "codebuild:ListReportGroups": "as ListTaskDefinitions",
  "ecr:GetAuthorizationToken": "one token serves all registries; what it may do is bound by repository",
  "cloudwatch:DescribeAlarms":
    "the alarms of a bake are the user's, and CloudWatch tells of a composite alarm only who may ask of all",
  "cloudwatch:GetMetricData": "CloudWatch knows no resource for it; the metrics of App Runner are its own",
  "xray:PutTraceSegments": "X-Ray knows no resource for it",
  "xray:PutTelemetryRecords": "X-Ray knows no resource for it",
  "ec2:DescribeDhcpOptions":
    "EC2 knows no resource for a Describe; CodeBuild looks at a build's network with it",
  "ec2:DescribeNetworkInterfaces": "as DescribeDhcpOptions",
  "ec2:DescribeSecurityGroups": "as DescribeDhcpOptions",
  "ec2:DescribeSubnets": "as DescribeDhcpOptions",
  "ec2:DescribeVpcs": "as DescribeDhcpOptions",
  "logs:CreateLogDelivery": "Step Functions asks for log delivery of no resource",
  "logs:GetLogDelivery": "as CreateLogDelivery",
  "logs:UpdateLogDelivery": "as CreateLogDelivery",
  "logs:DeleteLogDelivery": "as CreateLogDelivery",
  "logs:ListLogDeliveries": "as CreateLogDelivery",
  "logs:PutResourcePolicy": "as CreateLogDelivery",
  "logs:DescribeResourcePolicies": "as CreateLogDelivery",
  "logs:DescribeLogGroups": "as CreateLogDelivery",
};

/** Ends of ARNs that AWS makes up when the thing is made, or that are a service's; what stands before them is ours. */
export const openEndings: readonly { readonly arn: RegExp; readonly why: string }[] = [
  {
    arn: /:function:[\w-]+:\*$/,
    why: "any version: an execution calls the functions of the time when it began",
  },
  { arn: /:execution:[\w-]+:\*$/, why: "an execution's name is made when it starts" },
  { arn: /:log-group:[\w/-]+(-\*)?:log-stream:\*$/, why: "a log stream's name is made by who writes it" },
  { arn: /:project\/[\w-]+-\*$/, why: "the stages of a service: a policy has no room for each" },
  { arn: /:report-group\/[\w-]+-\*$/, why: "a report group is named by the buildspec, behind the project" },
  { arn: /:task\/[\w-]+\/\*$/, why: "ECS gives a task an id" },
  {
    arn: /:task-definition\/[\w-]+-\*-migration:\*$/,
    why: "the environments of a service; every migration has a revision of its own",
  },
  {
    arn: /:service\/[\w-]+-\*\/\*$/,
    why: "the environments of a service, to each of which App Runner gives an id",
  },
  {
    arn: /:log-group:\/aws\/apprunner\/[\w-]+-\*\/\*(:log-stream:\*)?$/,
    why: "App Runner names its logs by the service and its id",
  },
  {
    arn: /:network-interface\/\*$/,
    why: "EC2 names an interface when CodeBuild makes it; the subnets and groups beside it, or the condition ec2:Subnet, bind it",
  },
  { arn: /:vpcconnector\/[\w-]+\/\*$/, why: "App Runner gives a connector a revision and an id" },
  { arn: /^arn:aws:s3:::[\w.-]+\/[\w-]+\/\*$/, why: "a build's artifacts lie under the build's id" },
];
