import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type Logs = ReturnType<typeof connectLogs>;

/** CloudWatch Logs, read only. */
export function connectLogs({ client }: Connection) {
  const logs = new CloudWatchLogsClient(client);
  return {
    /** The last lines of a stream, at most 1,000, oldest first; none if the stream is not there yet. */
    async tail(logGroupName: string, logStreamName: string): Promise<string[]> {
      try {
        const { events } = await logs.send(
          new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: false, limit: 1000 }),
        );
        return (events ?? []).map(({ message }) => message ?? "");
      } catch (error) {
        if (error instanceof Error && error.name === "ResourceNotFoundException") return [];
        return call("read a log", () => Promise.reject(error));
      }
    },
  };
}
