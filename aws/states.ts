import {
  DescribeExecutionCommand,
  DescribeStateMachineForExecutionCommand,
  paginateListExecutions,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { WaitResult } from "../core/wait.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type Executions = ReturnType<typeof connectExecutions>;

/** Step Functions, as seen from inside a release. */
export function connectExecutions({ client }: Connection) {
  const states = clientOf(SFNClient, client);

  /** How an execution goes: `endedAt` (milliseconds since the epoch) is undefined while it runs. Undefined if there is none of that ARN. */
  async function describe(
    executionArn: string,
  ): Promise<{ status: string; cause: string | undefined; endedAt: number | undefined } | undefined> {
    return call("look at an execution", async () => {
      try {
        const {
          status = "",
          cause,
          stopDate,
        } = await states.send(new DescribeExecutionCommand({ executionArn }));
        const runs = status === "RUNNING" || status === "PENDING_REDRIVE";
        return { status, cause, endedAt: runs ? undefined : (stopDate?.getTime() ?? 0) };
      } catch (error) {
        if (error instanceof Error && error.name === "ExecutionDoesNotExist") return undefined;
        throw error;
      }
    });
  }

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

    describe,

    /**
     * Starts an execution. The name of one that there is already starts none: events come twice.
     * @returns false if there is one of that name.
     */
    async start(stateMachineArn: string, name: string, input: object): Promise<boolean> {
      return call("start an execution", async () => {
        try {
          await states.send(
            new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }),
          );
          return true;
        } catch (error) {
          if (error instanceof Error && error.name === "ExecutionAlreadyExists") return false;
          throw error;
        }
      });
    },
  };
}

const benign = new Set(["TaskTimedOut", "TaskDoesNotExist"]);

/** The open executions of a machine, each with the definition with which it began; none if there is no such machine. */
export async function openExecutions(
  { client }: Connection,
  stateMachineArn: string,
): Promise<{ readonly arn: string; readonly definition: string }[]> {
  const states = clientOf(SFNClient, client);
  return call("look for open executions", async () => {
    const open: { arn: string; definition: string }[] = [];
    try {
      for await (const { executions = [] } of paginateListExecutions(
        { client: states },
        { stateMachineArn, statusFilter: "RUNNING" },
      ))
        for (const { executionArn: arn = "" } of executions) {
          const machine = await states.send(
            new DescribeStateMachineForExecutionCommand({ executionArn: arn }),
          );
          open.push({ arn, definition: machine.definition ?? "" });
        }
    } catch (error) {
      if (!(error instanceof Error && error.name === "StateMachineDoesNotExist")) throw error;
    }
    return open;
  });
}
