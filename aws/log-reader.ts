import {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** One line of a log. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
}

/** CloudWatch Logs as a person reads them: whole streams, from the beginning. */
export function connectLogReader({ client }: Connection) {
  const logs = clientOf(CloudWatchLogsClient, client);
  return {
    /** Every line of a stream, oldest first; none if there is no such stream. */
    async *read(logGroupName: string, logStreamName: string): AsyncGenerator<LogLine> {
      let token: string | undefined;
      for (;;) {
        const { events = [], nextForwardToken } = await orNothing("read a log", () =>
          logs.send(
            new GetLogEventsCommand({
              logGroupName,
              logStreamName,
              startFromHead: true,
              ...(token === undefined ? {} : { nextToken: token }),
            }),
          ),
        );
        yield* events.map(({ timestamp, message }) => ({ at: timestamp ?? 0, text: message ?? "" }));
        // The same token again is how CloudWatch Logs says that this is the end.
        if (nextForwardToken === undefined || nextForwardToken === token) return;
        token = nextForwardToken;
      }
    },

    /** The names of the streams of a group that begin with `prefix`; none if there is no such group. */
    async streams(logGroupName: string, prefix: string): Promise<string[]> {
      const names: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await orNothing("list the streams of a log", () =>
          logs.send(
            new DescribeLogStreamsCommand({
              logGroupName,
              ...(prefix === "" ? {} : { logStreamNamePrefix: prefix }),
              ...(nextToken === undefined ? {} : { nextToken }),
            }),
          ),
        );
        names.push(...(page.logStreams ?? []).flatMap(({ logStreamName }) => logStreamName ?? []));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return names;
    },
  };
}

async function orNothing<Answer extends object>(
  action: string,
  run: () => Promise<Answer>,
): Promise<Partial<Answer>> {
  return call(action, async () => {
    try {
      return await run();
    } catch (error) {
      if (error instanceof Error && error.name === "ResourceNotFoundException") return {};
      throw error;
    }
  });
}
