import type {
  CreateLogGroupCommandInput,
  CreateLogGroupCommandOutput,
  CreateLogStreamCommandInput,
  CreateLogStreamCommandOutput,
  DeleteLogGroupCommandInput,
  DeleteLogGroupCommandOutput,
  DeleteLogStreamCommandInput,
  DeleteLogStreamCommandOutput,
  DeleteRetentionPolicyCommandInput,
  DeleteRetentionPolicyCommandOutput,
  DescribeLogGroupsCommandInput,
  DescribeLogGroupsCommandOutput,
  DescribeLogStreamsCommandInput,
  DescribeLogStreamsCommandOutput,
  PutRetentionPolicyCommandInput,
  PutRetentionPolicyCommandOutput,
} from "@aws-sdk/client-cloudwatch-logs";
import { pageByName } from "../pagination.ts";
import { AwsError, type Operation } from "../service.ts";
import type { LogGroup, LogStore, LogStream } from "./store.ts";

/** The days for which AWS offers to keep logs (API reference of PutRetentionPolicy). */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** The operations on log groups and streams. */
export function createGroupOperations(store: LogStore) {
  const CreateLogGroup: Operation<CreateLogGroupCommandInput, CreateLogGroupCommandOutput> = ({
    logGroupName = "",
  }) => {
    checkName("logGroupName", logGroupName, /^[.\-_/#A-Za-z0-9]{1,512}$/);
    if (store.groups.has(logGroupName)) {
      throw new AwsError("ResourceAlreadyExistsException", "The specified log group already exists");
    }
    store.ensureGroup(logGroupName);
    return {};
  };

  const DeleteLogGroup: Operation<DeleteLogGroupCommandInput, DeleteLogGroupCommandOutput> = ({
    logGroupName,
  }) => {
    store.deleteGroup(store.group(logGroupName));
    return {};
  };

  const DescribeLogGroups: Operation<DescribeLogGroupsCommandInput, DescribeLogGroupsCommandOutput> = (
    input,
  ) => {
    const { logGroupNamePrefix = "", logGroupNamePattern = "", limit = 50 } = input;
    const matching = [...store.groups.values()].filter(
      ({ name }) => name.startsWith(logGroupNamePrefix) && name.includes(logGroupNamePattern),
    );
    const { items, nextToken } = pageByName(matching, { size: limit, token: input.nextToken }, invalidToken);
    return { logGroups: items.map(shownGroup), nextToken };
  };

  const PutRetentionPolicy: Operation<PutRetentionPolicyCommandInput, PutRetentionPolicyCommandOutput> = (
    input,
  ) => {
    const { retentionInDays = 0 } = input;
    if (!RETENTION_DAYS.includes(retentionInDays)) {
      throw new AwsError(
        "InvalidParameterException",
        `retentionInDays must be one of ${RETENTION_DAYS.join(", ")}; it is ${retentionInDays}.`,
      );
    }
    store.setRetention(store.group(input.logGroupName), retentionInDays);
    return {};
  };

  const DeleteRetentionPolicy: Operation<
    DeleteRetentionPolicyCommandInput,
    DeleteRetentionPolicyCommandOutput
  > = (input) => {
    store.setRetention(store.group(input.logGroupName), undefined);
    return {};
  };

  return {
    CreateLogGroup,
    DeleteLogGroup,
    DescribeLogGroups,
    PutRetentionPolicy,
    DeleteRetentionPolicy,
    ...createStreamOperations(store),
  };
}

function createStreamOperations(store: LogStore) {
  const CreateLogStream: Operation<CreateLogStreamCommandInput, CreateLogStreamCommandOutput> = (input) => {
    const { logStreamName = "" } = input;
    checkName("logStreamName", logStreamName, /^[^:*]{1,512}$/);
    const group = store.group(input.logGroupName);
    if (group.streams.has(logStreamName)) {
      throw new AwsError("ResourceAlreadyExistsException", "The specified log stream already exists");
    }
    store.ensureStream(group, logStreamName);
    return {};
  };

  const DeleteLogStream: Operation<DeleteLogStreamCommandInput, DeleteLogStreamCommandOutput> = (input) => {
    store.deleteStream(
      store.group(input.logGroupName),
      store.stream(input.logGroupName, input.logStreamName),
    );
    return {};
  };

  const DescribeLogStreams: Operation<DescribeLogStreamsCommandInput, DescribeLogStreamsCommandOutput> = (
    input,
  ) => {
    const { logStreamNamePrefix = "", limit = 50, nextToken } = input;
    const byTime = input.orderBy === "LastEventTime";
    if (byTime && input.logStreamNamePrefix) {
      throw new AwsError(
        "InvalidParameterException",
        "Cannot order by LastEventTime with a logStreamNamePrefix.",
      );
    }
    const sorted = [...store.group(input.logGroupName ?? input.logGroupIdentifier).streams.values()]
      .filter(({ name }) => name.startsWith(logStreamNamePrefix))
      .sort(byTime ? byLastEvent : byName);
    if (input.descending) sorted.reverse();
    // The token is the name of the last stream shown.
    const from = nextToken === undefined ? 0 : sorted.findIndex(({ name }) => name === nextToken) + 1;
    if (nextToken !== undefined && from === 0) throw invalidToken();
    const page = sorted.slice(from, from + limit);
    const isLast = from + page.length >= sorted.length;
    return { logStreams: page.map(shownStream), nextToken: isLast ? undefined : page.at(-1)?.name };
  };

  return { CreateLogStream, DeleteLogStream, DescribeLogStreams };
}

function invalidToken(): AwsError {
  return new AwsError("InvalidParameterException", "The specified nextToken is invalid.");
}

function checkName(member: string, value: string, pattern: RegExp): void {
  if (pattern.test(value)) return;
  throw new AwsError(
    "InvalidParameterException",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must satisfy regular expression pattern: ${pattern.source}`,
  );
}

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1;
}

function byLastEvent(one: LogStream, other: LogStream): number {
  return (one.events.at(-1)?.timestamp ?? 0) - (other.events.at(-1)?.timestamp ?? 0);
}

function shownGroup(group: LogGroup) {
  return {
    logGroupName: group.name,
    arn: `${group.arn}:*`,
    logGroupArn: group.arn,
    creationTime: group.createdAt,
    retentionInDays: group.retentionDays,
    metricFilterCount: 0,
    storedBytes: [...group.streams.values()].reduce((sum, stream) => sum + stream.bytes, 0),
  };
}

function shownStream(stream: LogStream) {
  const last = stream.events.at(-1);
  return {
    logStreamName: stream.name,
    arn: stream.arn,
    creationTime: stream.createdAt,
    firstEventTimestamp: stream.events[0]?.timestamp,
    lastEventTimestamp: last?.timestamp,
    lastIngestionTime: last?.ingestedAt,
    storedBytes: stream.bytes,
  };
}
