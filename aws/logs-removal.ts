import {
  CloudWatchLogsClient,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** CloudWatch Logs, as log groups are deleted in it. */
export function connectLogRemoval({ client }: Connection) {
  const logs = clientOf(CloudWatchLogsClient, client);

  async function list(logGroupNamePrefix: string): Promise<string[]> {
    const names: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await call("list log groups", () =>
        logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix, nextToken })),
      );
      names.push(...(page.logGroups ?? []).flatMap(({ logGroupName }) => logGroupName ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return names;
  }

  return {
    /** Deletes the log groups whose names begin so; what is gone already is fine. */
    async remove(prefix: string): Promise<void> {
      for (const logGroupName of await list(prefix))
        await call(`delete the log group ${logGroupName}`, async () => {
          try {
            await logs.send(new DeleteLogGroupCommand({ logGroupName }));
          } catch (error) {
            if (!(error instanceof Error) || error.name !== "ResourceNotFoundException") throw error;
          }
        });
    },
  };
}
