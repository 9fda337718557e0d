import type { ServiceEvent } from "../world.ts";
import type { ExecutionRecord } from "./executions.ts";

/** Input and output together are left out of the event above this (248 KiB). */
const EVENT_DATA_LIMIT_BYTES = 248 * 1024;

/** Why an execution cannot be redriven, for DescribeExecution and the status event alike. */
export function redriveStatusReason(status: string): string {
  if (status === "RUNNING" || status === "SUCCEEDED") return `Execution is ${status} and cannot be redriven`;
  return "Redrive is not implemented by the local Step Functions; start a new execution";
}

/** The event "Step Functions Execution Status Change", whose shape is that of the EventBridge documentation. */
export function executionStatusChange(record: ExecutionRecord): ServiceEvent {
  const { executionArn, name, machine, status, input, startDate, stopDate, result } = record;
  const output = result?.outputText;
  const bytes = Buffer.byteLength(input) + Buffer.byteLength(output ?? "");
  const included = bytes <= EVENT_DATA_LIMIT_BYTES;
  return {
    source: "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    resources: [executionArn],
    detail: {
      executionArn,
      stateMachineArn: machine.stateMachineArn,
      stateMachineVersionArn: machine.versionArn ?? null,
      stateMachineAliasArn: null,
      name,
      status,
      startDate: startDate.getTime(),
      stopDate: stopDate?.getTime() ?? null,
      input: included ? input : null,
      inputDetails: { included },
      output: included ? (output ?? null) : null,
      outputDetails: output === undefined ? null : { included },
      redriveCount: 0,
      redriveDate: null,
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: redriveStatusReason(status),
      error: result?.error ?? null,
      cause: result?.cause ?? null,
    },
  };
}
