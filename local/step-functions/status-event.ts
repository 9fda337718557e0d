import type { ServiceEvent } from "../world.ts";
import type { ExecutionRecord } from "./executions.ts";
import type { Redrivability } from "./redrive.ts";

/** Input and output together are left out of the event above this (248 KiB). */
const EVENT_DATA_LIMIT_BYTES = 248 * 1024;

/** The event "Step Functions Execution Status Change", whose shape is that of the EventBridge documentation. */
export function executionStatusChange(record: ExecutionRecord, redrivability: Redrivability): ServiceEvent {
  const { executionArn, name, machine, status, input, startDate, stopDate, redrives, result } = record;
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
      redriveCount: redrives.count,
      redriveDate: redrives.date?.getTime() ?? null,
      redriveStatus: redrivability.redriveStatus,
      redriveStatusReason: redrivability.redriveStatusReason ?? null,
      error: result?.error ?? null,
      cause: result?.cause ?? null,
    },
  };
}
