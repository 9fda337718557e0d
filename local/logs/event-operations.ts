import type {
  FilterLogEventsCommandInput,
  FilterLogEventsCommandOutput,
  GetLogEventsCommandInput,
  GetLogEventsCommandOutput,
  PutLogEventsCommandInput,
  PutLogEventsCommandOutput,
} from "@aws-sdk/client-cloudwatch-logs";
import { AwsError, type Operation } from "../service.ts";
import { compileFilterPattern } from "./filter-pattern.ts";
import type { LogEvent, LogStore } from "./store.ts";

/** Limits of the API (its reference): events of one call, their bytes with 26 for each event. */
const EVENTS_LIMIT = 10_000;
const BATCH_LIMIT_BYTES = 1_048_576;
const EVENT_OVERHEAD_BYTES = 26;
/** The last millisecond of a Date (ECMAScript, "time values"). */
const LATEST_MILLISECONDS = 8.64e15;

/** The operations on log events. `append` writes one event, as a service does. */
export function createEventOperations(
  store: LogStore,
  append: (group: string, stream: string, timestamp: number, message: string) => void,
) {
  const PutLogEvents: Operation<PutLogEventsCommandInput, PutLogEventsCommandOutput> = (input) => {
    const { logEvents = [] } = input;
    const stream = store.stream(input.logGroupName, input.logStreamName);
    checkBatch(logEvents);
    const group = store.group(input.logGroupName);
    for (const { timestamp = 0, message = "" } of logEvents)
      append(group.name, stream.name, timestamp, message);
    return { nextSequenceToken: String(stream.events.at(-1)?.ordinal ?? 0) };
  };

  const GetLogEvents: Operation<GetLogEventsCommandInput, GetLogEventsCommandOutput> = (input) => {
    const stream = store.stream(input.logGroupName ?? input.logGroupIdentifier, input.logStreamName);
    const within = stream.events.filter(between(input.startTime, input.endTime));
    const limit = Math.min(input.limit ?? EVENTS_LIMIT, EVENTS_LIMIT);
    const token = parseToken(input.nextToken);
    const page = token
      ? pageFrom(within, token, limit)
      : firstPage(within, limit, input.startFromHead ?? false);
    const first = page[0]?.ordinal;
    const last = page.at(-1)?.ordinal;
    // At the end of the stream the token that was sent comes back, which is how callers know.
    const here = token?.ordinal ?? 0;
    return {
      events: page.map(({ timestamp, message, ingestedAt }) => ({
        timestamp,
        message,
        ingestionTime: ingestedAt,
      })),
      nextForwardToken: `f/${last === undefined ? here : last + 1}`,
      nextBackwardToken: `b/${first ?? here}`,
    };
  };

  const FilterLogEvents: Operation<FilterLogEventsCommandInput, FilterLogEventsCommandOutput> = (input) => {
    const group = store.group(input.logGroupName ?? input.logGroupIdentifier);
    const matches = compileFilterPattern(input.filterPattern ?? "");
    const isWithin = between(input.startTime, input.endTime);
    const after = parsePosition(input.nextToken);
    const found = [...group.streams.values()]
      .filter(({ name }) => name.startsWith(input.logStreamNamePrefix ?? ""))
      .filter(({ name }) => input.logStreamNames?.includes(name) ?? true)
      .flatMap(({ name, events }) =>
        events.filter((event) => isWithin(event) && matches(event.message)).map((event) => ({ name, event })),
      )
      .filter(({ event }) => after === undefined || comesAfter(event, after))
      .sort((one, other) => (comesAfter(one.event, other.event) ? 1 : -1));
    const page = found.slice(0, Math.min(input.limit ?? EVENTS_LIMIT, EVENTS_LIMIT));
    const last = page.at(-1)?.event;
    const isLast = page.length === found.length || last === undefined;
    return {
      events: page.map(({ name, event }) => ({
        logStreamName: name,
        timestamp: event.timestamp,
        message: event.message,
        ingestionTime: event.ingestedAt,
        eventId: String(event.ordinal).padStart(56, "0"),
      })),
      searchedLogStreams: [],
      nextToken: isLast ? undefined : `${last.timestamp}/${last.ordinal}`,
    };
  };

  return { PutLogEvents, GetLogEvents, FilterLogEvents };
}

function checkBatch(events: NonNullable<PutLogEventsCommandInput["logEvents"]>): void {
  const size = events.reduce(
    (sum, { message = "" }) => sum + Buffer.byteLength(message) + EVENT_OVERHEAD_BYTES,
    0,
  );
  if (events.length > EVENTS_LIMIT || size > BATCH_LIMIT_BYTES) {
    throw invalid(`A batch may have ${EVENTS_LIMIT} events and ${BATCH_LIMIT_BYTES} bytes at most.`);
  }
  const isTime = (value: number) => Number.isInteger(value) && value >= 0 && value <= LATEST_MILLISECONDS;
  if (!events.every(({ timestamp = 0 }) => isTime(timestamp))) {
    throw invalid("The timestamp of a log event must be whole milliseconds since the epoch.");
  }
  const isOrdered = events.every(
    ({ timestamp = 0 }, index) => index === 0 || timestamp >= (events[index - 1]?.timestamp ?? 0),
  );
  if (!isOrdered) {
    throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
  }
}

/** From `startTime` on, before `endTime`. */
function between(startTime = 0, endTime = Number.POSITIVE_INFINITY): (event: LogEvent) => boolean {
  return ({ timestamp }) => timestamp >= startTime && timestamp < endTime;
}

interface Token {
  readonly direction: "f" | "b";
  readonly ordinal: number;
}

function parseToken(text: string | undefined): Token | undefined {
  if (text === undefined) return undefined;
  const [, direction, ordinal] = /^([fb])\/(\d+)$/.exec(text) ?? [];
  if (direction !== "f" && direction !== "b") throw invalid("The specified nextToken is invalid.");
  return { direction, ordinal: Number(ordinal) };
}

function firstPage(events: readonly LogEvent[], limit: number, fromHead: boolean): readonly LogEvent[] {
  return fromHead ? events.slice(0, limit) : events.slice(Math.max(events.length - limit, 0));
}

function pageFrom(events: readonly LogEvent[], token: Token, limit: number): readonly LogEvent[] {
  if (token.direction === "f")
    return events.filter(({ ordinal }) => ordinal >= token.ordinal).slice(0, limit);
  const before = events.filter(({ ordinal }) => ordinal < token.ordinal);
  return before.slice(Math.max(before.length - limit, 0));
}

type Position = Pick<LogEvent, "timestamp" | "ordinal">;

function parsePosition(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const [, timestamp, ordinal] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (timestamp === undefined) throw invalid("The specified nextToken is invalid.");
  return { timestamp: Number(timestamp), ordinal: Number(ordinal) };
}

function comesAfter(one: Position, other: Position): boolean {
  return one.timestamp === other.timestamp ? one.ordinal > other.ordinal : one.timestamp > other.timestamp;
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}
