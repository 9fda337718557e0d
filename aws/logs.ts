import {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type Logs = ReturnType<typeof connectLogs>;

/** CloudWatch Logs, read only. */
export function connectLogs({ client }: Connection) {
  const logs = clientOf(CloudWatchLogsClient, client);

  async function read(
    logGroupName: string,
    logStreamName: string,
    limit: number,
    startTime?: number,
  ): Promise<string[]> {
    const { events } = await logs.send(
      new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: false, limit, startTime }),
    );
    return (events ?? []).map(({ message }) => message ?? "");
  }

  return {
    /** The last lines of a stream, at most 1,000, oldest first; none if the stream is not there yet. */
    async tail(logGroupName: string, logStreamName: string): Promise<string[]> {
      try {
        return await read(logGroupName, logStreamName, 1000);
      } catch (error) {
        return absent(error) ? [] : call("read a log", () => Promise.reject(error));
      }
    },

    /**
     * The last lines since a time (milliseconds) of the stream that was begun last: what the newest instance of a
     * service said. Undefined if the group has no stream yet.
     */
    async newest(
      logGroupName: string,
      since: number,
      limit: number,
    ): Promise<{ stream: string; lines: string[] } | undefined> {
      try {
        const { logStreams = [] } = await logs.send(
          new DescribeLogStreamsCommand({
            logGroupName,
            orderBy: "LastEventTime",
            descending: true,
            limit: 5,
          }),
        );
        const [newest] = logStreams.toSorted((a, b) => (b.creationTime ?? 0) - (a.creationTime ?? 0));
        const stream = newest?.logStreamName;
        return stream === undefined
          ? undefined
          : { stream, lines: await read(logGroupName, stream, limit, since) };
      } catch (error) {
        return absent(error) ? undefined : call("read a log", () => Promise.reject(error));
      }
    },
  };
}

function absent(error: unknown): boolean {
  return error instanceof Error && error.name === "ResourceNotFoundException";
}
