import {
  AppRunnerClient,
  DescribeServiceCommand,
  ListOperationsCommand,
  paginateListServices,
} from "@aws-sdk/client-apprunner";
import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  paginateDescribeLogGroups,
  paginateDescribeLogStreams,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  BatchGetBuildsCommand,
  BatchGetReportsCommand,
  CodeBuildClient,
  paginateListBuilds,
} from "@aws-sdk/client-codebuild";
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import {
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  paginateListTaskDefinitions,
} from "@aws-sdk/client-ecs";
import {
  DescribeExecutionCommand,
  paginateGetExecutionHistory,
  paginateListExecutions,
  SFNClient,
} from "@aws-sdk/client-sfn";
import type { Connection } from "../../aws/connection.ts";
import type { SimulatedWorld } from "./world.ts";

/** Something that a person with read access can see of an installation. */
export interface Seen {
  /** The operation that answered, and about what. */
  readonly where: string;
  /** The answer as JSON; a log stream line by line. */
  readonly text: string;
}

/** All that the services of an installation show, but for the values of its secrets. */
export async function readEverything(world: SimulatedWorld): Promise<Seen[]> {
  const seen: Seen[] = world.events.map((event) => ({
    where: event["detail-type"],
    text: JSON.stringify(event),
  }));
  const see = <Answer>(where: string, answer: Answer): Answer => {
    seen.push({ where, text: JSON.stringify(answer) });
    return answer;
  };
  for (const read of [readRecords, readExecutions, readLogs, readBuilds, readTasks, readServices])
    await read(world, see);
  return seen;
}

/** What an account shows, to whom the connection is for, of what runs there. */
export async function readAccount(world: SimulatedWorld, connection: Connection): Promise<Seen[]> {
  const seen: Seen[] = [];
  const see = <Answer>(where: string, answer: Answer): Answer => {
    seen.push({ where, text: JSON.stringify(answer) });
    return answer;
  };
  for (const read of [readLogs, readTasks, readServices])
    await world.clock.runUntil(read({ ...world, connection }, see));
  return seen;
}

type See = <Answer>(where: string, answer: Answer) => Answer;

async function readRecords({ connection, made }: SimulatedWorld, see: See): Promise<void> {
  const client = new DynamoDBClient(connection.client);
  for await (const page of paginateScan({ client }, { TableName: made.table })) see("Scan", page.Items);
}

async function readExecutions({ connection, made }: SimulatedWorld, see: See): Promise<void> {
  const client = new SFNClient(connection.client);
  for (const stateMachineArn of Object.values(made.machines))
    for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
      for (const { executionArn } of executions) {
        see("DescribeExecution", await client.send(new DescribeExecutionCommand({ executionArn })));
        const history = { executionArn, includeExecutionData: true };
        for await (const page of paginateGetExecutionHistory({ client }, history))
          see("GetExecutionHistory", page.events);
      }
}

async function readLogs({ connection }: SimulatedWorld, see: See): Promise<void> {
  const client = new CloudWatchLogsClient(connection.client);
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {}))
    for (const { logGroupName } of logGroups)
      for await (const { logStreams = [] } of paginateDescribeLogStreams({ client }, { logGroupName }))
        for (const { logStreamName } of logStreams) {
          const all = new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true });
          const { events = [] } = await client.send(all);
          see(
            `GetLogEvents ${logGroupName}`,
            events.map(({ message }) => message),
          );
        }
}

async function readBuilds({ connection }: SimulatedWorld, see: See): Promise<void> {
  const client = new CodeBuildClient(connection.client);
  for await (const { ids = [] } of paginateListBuilds({ client }, {})) {
    const { builds = [] } = see("BatchGetBuilds", await client.send(new BatchGetBuildsCommand({ ids })));
    const reportArns = builds.flatMap((build) => build.reportArns ?? []);
    if (reportArns.length > 0)
      see("BatchGetReports", await client.send(new BatchGetReportsCommand({ reportArns })));
  }
}

async function readTasks({ connection }: SimulatedWorld, see: See): Promise<void> {
  const client = new ECSClient(connection.client);
  for await (const { taskDefinitionArns = [] } of paginateListTaskDefinitions({ client }, {}))
    for (const taskDefinition of taskDefinitionArns)
      see("DescribeTaskDefinition", await client.send(new DescribeTaskDefinitionCommand({ taskDefinition })));
  const cluster = "spillway";
  const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster, desiredStatus: "STOPPED" }));
  see("DescribeTasks", await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns })));
}

async function readServices({ connection }: SimulatedWorld, see: See): Promise<void> {
  const client = new AppRunnerClient(connection.client);
  for await (const { ServiceSummaryList = [] } of paginateListServices({ client }, {}))
    for (const { ServiceArn } of ServiceSummaryList) {
      see("DescribeService", await client.send(new DescribeServiceCommand({ ServiceArn })));
      see("ListOperations", await client.send(new ListOperationsCommand({ ServiceArn })));
    }
}
