import {
  DescribeExecutionCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { WaitResult } from "../core/wait.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type Executions = ReturnType<typeof connectExecutions>;

/** Step Functions, as seen from inside a release. */
export function connectExecutions({ client }: Connection) {
  const states = new SFNClient(client);
  return {
    /**
     * Wakes the state that waits with this token. A token that was used, or whose state has ended, is a benign
     * duplicate: events come twice.
     */
    async complete(token: string, result: WaitResult): Promise<void> {
      const command =
        result.end === "succeeded"
          ? () =>
              states.send(
                new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(result.output) }),
              )
          : () =>
              states.send(
                new SendTaskFailureCommand({
                  taskToken: token,
                  error: result.error,
                  cause: result.cause.slice(0, 32_000),
                }),
              );
      try {
        await command();
      } catch (error) {
        if (error instanceof Error && benign.has(error.name)) return;
        await call("complete a wait", () => Promise.reject(error));
      }
    },

    /** When the execution ended (milliseconds); undefined while it runs. */
    async endedAt(executionArn: string): Promise<number | undefined> {
      const { status, stopDate } = await call("look at an execution", () =>
        states.send(new DescribeExecutionCommand({ executionArn })),
      );
      return status === "RUNNING" || status === "PENDING_REDRIVE" ? undefined : (stopDate?.getTime() ?? 0);
    },

    /** Starts an execution; the same name and input again is the same execution. */
    async start(stateMachineArn: string, name: string, input: object): Promise<void> {
      await call("start an execution", () =>
        states.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) })),
      );
    },
  };
}

const benign = new Set(["TaskTimedOut", "TaskDoesNotExist"]);
