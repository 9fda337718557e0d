import {
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  type SFNClient,
} from "@aws-sdk/client-sfn";

/** The events of one execution, in their order. */
export async function readHistory(sfn: SFNClient, executionArn: string | undefined): Promise<HistoryEvent[]> {
  const history: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await sfn.send(new GetExecutionHistoryCommand({ executionArn, nextToken }));
    history.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return history;
}

/** The histories of all executions of all machines. */
export async function readHistories(sfn: SFNClient): Promise<HistoryEvent[][]> {
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
  const histories: HistoryEvent[][] = [];
  for (const { stateMachineArn } of stateMachines) {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
    for (const { executionArn } of executions) histories.push(await readHistory(sfn, executionArn));
  }
  return histories;
}

/** What Step Functions and Lambda charge for; functions that events or the schedule invoke are not in it. */
export interface Steps {
  readonly transitions: number;
  readonly invocations: number;
}

/** Counts the steps of histories. */
export function countSteps(histories: readonly (readonly HistoryEvent[])[]): Steps {
  const events = histories.flat();
  const count = (matches: (event: HistoryEvent) => boolean) => events.filter(matches).length;
  const entered = count(({ type }) => type?.endsWith("StateEntered") === true);
  // Each attempt at a Task after its first is a transition, too.
  const retries =
    count(({ type }) => type === "TaskScheduled") - count(({ type }) => type === "TaskStateEntered");
  return {
    transitions: entered + retries,
    invocations: count(({ taskScheduledEventDetails: task }) => task?.resourceType === "lambda"),
  };
}
