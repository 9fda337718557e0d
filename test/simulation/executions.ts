import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { clientOf } from "../../aws/clients.ts";
import type { Connection } from "../../aws/connection.ts";
import type { ServiceEvent } from "../../local/world.ts";

/** How an execution ended. */
export interface EndedExecution {
  readonly arn: string;
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly output: { readonly outcome?: string; readonly reason?: string };
}

/** A person at the console of Step Functions: starts executions and waits for their ends. */
export function createConsole({ client }: Connection, machineArn: (machine: string) => string | undefined) {
  const states = clientOf(SFNClient, client);
  const watchers = new Set<(event: ServiceEvent) => void>();

  /** Begins to listen; the promise ends when an execution of which `isIt` holds does. */
  function nextEnd(isIt: (detail: ServiceEvent["detail"]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = ({ "detail-type": type, detail }: ServiceEvent) => {
        const over =
          type === "Step Functions Execution Status Change" && detail.status !== "RUNNING" && isIt(detail);
        if (over) watchers.delete(watch);
        if (over) resolve();
      };
      watchers.add(watch);
    });
  }

  return {
    nextEnd,
    /** To be told of every event. */
    hear(event: ServiceEvent): void {
      for (const watch of watchers) watch(event);
    },
    /** Starts a machine and waits for the execution's end. */
    async run(machine: string, input: object): Promise<DescribeExecutionCommandOutput> {
      const { executionArn } = await states.send(
        new StartExecutionCommand({ stateMachineArn: machineArn(machine), input: JSON.stringify(input) }),
      );
      const look = () => states.send(new DescribeExecutionCommand({ executionArn }));
      const execution = await look();
      if (execution.status !== "RUNNING") return execution;
      await nextEnd((detail) => detail.executionArn === executionArn);
      return look();
    },
  };
}

export function endOf(execution: DescribeExecutionCommandOutput): EndedExecution {
  const { executionArn = "", status = "", error, cause, output = "{}" } = execution;
  return { arn: executionArn, status, error, cause, output: JSON.parse(output) };
}
