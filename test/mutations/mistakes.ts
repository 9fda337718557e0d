// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of sources
/** A mistake that somebody could make, and what must notice it. */
export interface Mistake {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The test file that must fail, and the title of a test in it that must be among the failed. */
  readonly caughtBy: string;
  readonly test: string;
}

const installation = "test/infra/installation.test.ts";
const machines = "test/state-machines/machines.test.ts";
const stages = "test/infra/stages.test.ts";
const reads = "reads nothing that may be missing";

export const mistakes: readonly Mistake[] = [
  {
    name: "a machine's role that may not call its functions",
    file: "infra/machines.ts",
    from: 'actions: ["lambda:InvokeFunction"]',
    to: 'actions: ["lambda:GetFunction"]',
    caughtBy: installation,
    test: "may do what each of their Tasks does",
  },
  {
    name: "a nested execution whose events nobody may subscribe to",
    file: "infra/machines.ts",
    from: '"events:PutTargets", "events:PutRule", "events:DescribeRule"',
    to: '"events:PutTargets", "events:DescribeRule"',
    caughtBy: installation,
    test: "may do what each of their Tasks does",
  },
  {
    name: "a rule whose role may start any machine",
    file: "infra/rules.ts",
    from: 'actions: ["states:StartExecution"], resources: [arn]',
    to: 'actions: ["states:StartExecution"], resources: ["*"]',
    caughtBy: installation,
    test: "may each start what they target",
  },
  {
    name: "a function that EventBridge may not call for its rule",
    file: "infra/rules.ts",
    from: "sourceArn: rule.arn",
    to: "sourceArn: bus.arn",
    caughtBy: installation,
    test: "may each start what they target",
  },
  {
    name: "a misspelt action",
    file: "infra/application.ts",
    from: '"codebuild:ListBuildsForProject"',
    to: '"codebuild:ListBuildForProject"',
    caughtBy: installation,
    test: "name only actions that exist",
  },
  {
    name: "an action allowed on a resource that it does not have",
    file: "infra/application.ts",
    from: 'actions: ["states:DescribeExecution"], on: "executions"',
    to: 'actions: ["states:DescribeExecution"], on: "projects"',
    caughtBy: installation,
    test: "name only actions that exist",
  },
  {
    name: "a right that is wider than it need be",
    file: "infra/secrets.ts",
    from: "resources: wanted.map(({ arn }) => arn)",
    to: 'resources: ["*"]',
    caughtBy: installation,
    test: "say * only where nothing narrower works",
  },
  {
    name: "a role that is handed to a service which cannot take it",
    file: "infra/arns.ts",
    from: 'passedTo("ecs-tasks.amazonaws.com")',
    to: 'passedTo("ecs.amazonaws.com")',
    caughtBy: installation,
    test: "let a function hand on only our roles",
  },
  {
    name: "a pattern that hears failed pushes",
    file: "infra/application.ts",
    from: 'result: ["SUCCESS"],',
    to: "",
    caughtBy: installation,
    test: "match what AWS sends",
  },
  {
    name: "a pattern with a string where a list must be",
    file: "infra/application.ts",
    from: 'source: ["aws.codebuild"]',
    to: 'source: "aws.codebuild"',
    caughtBy: installation,
    test: "match what AWS sends",
  },
  {
    name: "a replay of the archive that releases old images again",
    file: "infra/application.ts",
    from: '"replay-name": [{ exists: false }]',
    to: '"replay-name": [{ exists: false }, { prefix: "" }]',
    caughtBy: installation,
    test: "match what AWS sends",
  },
  {
    name: "a stage that hears the builds of another",
    file: "infra/application.ts",
    from: '"project-name": [{ prefix: `${prefix}-` }],',
    to: "",
    caughtBy: stages,
    test: "hear nothing of each other",
  },
  {
    name: "a placeholder that nobody fills",
    file: "state-machines/release.asl.json",
    from: '"FunctionName": "${GateRelease}"',
    to: '"FunctionName": "${GateReleases}"',
    caughtBy: installation,
    test: "",
  },
  {
    name: "a state that leads nowhere",
    file: "state-machines/release.asl.json",
    from: '"Next": "CompleteRelease"',
    to: '"Next": "CompleteReleases"',
    caughtBy: machines,
    test: "is a valid state machine",
  },
  {
    name: "a misspelt variable",
    file: "state-machines/deploy.asl.json",
    from: "{% $settings.migrationTimeoutSeconds %}",
    to: "{% $setting.migrationTimeoutSeconds %}",
    caughtBy: machines,
    test: reads,
  },
  {
    name: "a wait whose token is given to nobody",
    file: "state-machines/deploy.asl.json",
    from: '"token": "{% $states.context.Task.Token %}"',
    to: '"token": "{% $states.context.Task.Tokens %}"',
    caughtBy: machines,
    test: reads,
  },
  {
    name: "a retry of an error that nobody throws",
    file: "state-machines/deploy.asl.json",
    from: '"ErrorEquals": ["TargetBusy"]',
    to: '"ErrorEquals": ["TargetIsBusy"]',
    caughtBy: machines,
    test: reads,
  },
  {
    name: "a log that shows task tokens",
    file: "infra/machines.ts",
    from: "includeExecutionData: false",
    to: "includeExecutionData: true",
    caughtBy: installation,
    test: "log without the data of executions",
  },
  {
    name: "a production whose records may be deleted",
    file: "infra/records.ts",
    from: "deletionProtection: permanent",
    to: "deletionProtection: false",
    caughtBy: installation,
    test: "keeps, in production, records and images",
  },
  {
    name: "images that go with the stack",
    file: "infra/repositories.ts",
    from: "retainOnDelete: permanent",
    to: "retainOnDelete: false",
    caughtBy: installation,
    test: "keeps, in production, records and images",
  },
  {
    name: "an output inside a template string",
    file: "infra/installation.ts",
    from: "migrationTaskRoleArn: migrationTaskRole.arn",
    to: "migrationTaskRoleArn: `${migrationTaskRole.arn}`",
    caughtBy: installation,
    test: "writes a record from which its functions can read",
  },
  {
    name: "a queue of dead letters that nobody watches",
    file: "infra/alarms.ts",
    from: "dimensions: { QueueName: deadLetters.name }",
    to: 'dimensions: { QueueName: "dead-letters" }',
    caughtBy: installation,
    test: "keep what they cannot deliver",
  },
  {
    name: "an alarm that looks where nobody counts",
    file: "infra/alarms.ts",
    from: "namespace: application.metricNamespace",
    to: 'namespace: "Spillway"',
    caughtBy: installation,
    test: "tells people of what needs them",
  },
  {
    name: "two stages whose machines have one name",
    file: "infra/machines.ts",
    from: "name: physicalName(application, name),",
    to: "name,",
    caughtBy: stages,
    test: "share no name",
  },
  {
    name: "a secret that is missed only when it is used",
    file: "infra/checks.ts",
    from: "...missingSecrets(application, found, region, where),",
    to: "",
    caughtBy: stages,
    test: "a missing secret",
  },
  {
    name: "a scan that may push images",
    file: "infra/builds.ts",
    from: "...(pushesTo.length > 0 ? pushTo(pushesTo) : []),",
    to: "...pushTo(application.repositories),",
    caughtBy: installation,
    test: "give the scan of an image no secret",
  },
];
