import type * as sfn from "@aws-sdk/client-sfn";
import type { HistoryEvent } from "../asl/index.ts";
import type { SfnPaginate } from "./pages.ts";

/** What `includeExecutionData: false` leaves out. */
const EXECUTION_DATA = new Set([
  "input",
  "inputDetails",
  "output",
  "outputDetails",
  "parameters",
  "assignedVariables",
  "assignedVariablesDetails",
]);

/** A page of a history in the shape of the SDK. */
export function historyPage(
  pages: SfnPaginate,
  events: readonly HistoryEvent[],
  input: sfn.GetExecutionHistoryCommandInput,
): Omit<sfn.GetExecutionHistoryCommandOutput, "$metadata"> {
  const ordered = input.reverseOrder ? [...events].reverse() : events;
  const { items, nextToken } = pages("GetExecutionHistory", ordered, ({ id }) => String(id), input);
  const isWhole = input.includeExecutionData ?? true;
  return { events: items.map((event) => toSdk(isWhole ? event : withoutData(event))), nextToken };
}

function toSdk(event: HistoryEvent): sfn.HistoryEvent {
  const { taskScheduledEventDetails: scheduled, ...rest } = event;
  return {
    ...rest,
    timestamp: new Date(event.timestamp),
    ...(scheduled ? { taskScheduledEventDetails: scheduled } : {}),
  };
}

function withoutData(event: HistoryEvent): HistoryEvent {
  const entries = Object.entries(event).map(([name, value]) => {
    if (!name.endsWith("EventDetails") || typeof value !== "object") return [name, value];
    return [name, Object.fromEntries(Object.entries(value).filter(([key]) => !EXECUTION_DATA.has(key)))];
  });
  return { ...event, ...Object.fromEntries(entries) };
}
