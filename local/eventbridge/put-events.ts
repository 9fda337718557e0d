import type {
  PutEventsCommandInput,
  PutEventsCommandOutput,
  PutEventsRequestEntry,
  PutEventsResultEntry,
  TestEventPatternCommandInput,
  TestEventPatternCommandOutput,
} from "@aws-sdk/client-eventbridge";
import { AwsError, type Operation } from "../service.ts";
import { uuid, type World } from "../world.ts";
import type { Buses, EventBus } from "./buses.ts";
import { type BusEvent, type Delivery, type DroppedEvent, describe } from "./delivery.ts";
import { lookUpFields } from "./event-fields.ts";
import { compilePattern } from "./pattern.ts";

const ENTRIES_LIMIT = 10;
const REQUEST_LIMIT_BYTES = 1024 * 1024;
const DETAIL_TYPE_LIMIT_CHARACTERS = 128;

/** An event before EventBridge has taken it. */
export interface UnstampedEvent extends Pick<BusEvent, "source" | "detail-type" | "resources" | "detail"> {
  /** Now, if it is left out. */
  readonly time?: Date;
}

/** How events get on a bus and from there to the targets of the rules that match. */
export interface EventEntrance {
  /**
   * Stamps an event of a service with id, time, account and region and puts it on a bus: a copy as JSON, since the
   * service may go on changing what it described.
   */
  put(bus: EventBus, event: UnstampedEvent): void;
  /** The event of a schedule that is due; it goes to the targets of its rule and to no other. */
  scheduled(ruleArn: string): BusEvent;
  /** Hands an event that came from another bus to the matching rules of a bus. */
  forward(bus: EventBus, event: BusEvent): void;
  readonly operations: {
    readonly PutEvents: Operation<PutEventsCommandInput, PutEventsCommandOutput>;
    readonly TestEventPattern: Operation<TestEventPatternCommandInput, TestEventPatternCommandOutput>;
  };
}

/** Makes the entrance of the account's buses. */
export function createEventEntrance(
  world: World,
  buses: Buses,
  delivery: Delivery,
  onDropped: (dropped: DroppedEvent) => void,
): EventEntrance {
  const route = (bus: EventBus, event: BusEvent, forwarded = false) => {
    const fields = lookUpFields(event);
    for (const rule of bus.rules.values()) {
      if (!rule.enabled || !rule.pattern?.matchesFields(fields)) continue;
      for (const target of rule.targets.values()) delivery.deliver(rule, target, event, forwarded);
    }
  };

  const stamp = ({ time, ...event }: UnstampedEvent): BusEvent => ({
    version: "0",
    id: uuid(world.random),
    "detail-type": event["detail-type"],
    source: event.source,
    account: world.accountId,
    time: isoSeconds(time ?? new Date(world.clock.now())),
    region: world.region,
    resources: event.resources,
    detail: event.detail,
  });

  const scheduled = (ruleArn: string): BusEvent =>
    stamp({ source: "aws.events", "detail-type": "Scheduled Event", resources: [ruleArn], detail: {} });

  const putEntry = (entry: PutEventsRequestEntry): PutEventsResultEntry => {
    const checked = checkEntry(entry);
    if (!("source" in checked)) return checked;
    const event = stamp(checked);
    const bus = buses.find(entry.EventBusName);
    if (bus) route(bus, event);
    // AWS answers as if it had taken the event; here at least it is told.
    else onDropped({ ...describe(event), reason: `event bus ${entry.EventBusName} does not exist` });
    return { EventId: event.id };
  };

  const PutEvents: EventEntrance["operations"]["PutEvents"] = ({ Entries = [] }) => {
    checkRequest(Entries);
    const results = Entries.map(putEntry);
    return { Entries: results, FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode).length };
  };

  return {
    put: (bus, event) => {
      const stamped = stamp(event);
      const fields = lookUpFields(stamped);
      // Most of what services tell is nothing to any rule, and a build tells much.
      if (![...bus.rules.values()].some(({ pattern }) => pattern?.mayMatch(fields))) return;
      route(bus, { ...stamped, detail: JSON.parse(JSON.stringify(stamped.detail)) });
    },
    scheduled,
    forward: (bus, event) => route(bus, event, true),
    operations: { PutEvents, TestEventPattern: testEventPattern },
  };
}

/** `2026-11-24T00:00:00Z`, as EventBridge writes the time of an event. */
export function isoSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function checkRequest(entries: readonly PutEventsRequestEntry[]): void {
  if (entries.length < 1 || entries.length > ENTRIES_LIMIT) {
    const [relation, limit] = entries.length < 1 ? ["greater", 1] : ["less", ENTRIES_LIMIT];
    throw new AwsError(
      "ValidationException",
      `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length ${relation} than or equal to ${limit}`,
    );
  }
  const size = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (size > REQUEST_LIMIT_BYTES) {
    throw new AwsError("ValidationException", "Total size of the entries in the request is over the limit.");
  }
}

/** The size of an entry as the documentation of PutEvents counts it. */
function entryBytes(entry: PutEventsRequestEntry): number {
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), entry.Time ? 14 : 0);
}

function checkEntry(entry: PutEventsRequestEntry): PutEventsResultEntry | UnstampedEvent {
  const missing = (["Source", "DetailType", "Detail"] as const).find((name) => !entry[name]);
  if (missing) {
    return invalidArgument(`Parameter ${missing} is not valid. Reason: ${missing} is a required argument.`);
  }
  const { Source = "", DetailType = "", Detail = "", Resources = [], Time } = entry;
  if (Source.startsWith("aws.")) {
    return { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." };
  }
  if (DetailType.length > DETAIL_TYPE_LIMIT_CHARACTERS) {
    return invalidArgument(
      `Parameter DetailType is not valid. Reason: it has more than ${DETAIL_TYPE_LIMIT_CHARACTERS} characters.`,
    );
  }
  const detail = parseObject(Detail);
  if (!detail) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
  return {
    source: Source,
    "detail-type": DetailType,
    resources: Resources,
    detail,
    ...(Time ? { time: Time } : {}),
  };
}

function invalidArgument(message: string): PutEventsResultEntry {
  return { ErrorCode: "InvalidArgument", ErrorMessage: message };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const REQUIRED_MEMBERS = ["id", "source", "detail-type", "account", "region", "time"];

/** TestEventPattern: the event must have what every event of EventBridge has. */
const testEventPattern: EventEntrance["operations"]["TestEventPattern"] = ({
  EventPattern = "",
  Event = "",
}) => {
  const pattern = compilePattern(EventPattern);
  const event = parseObject(Event);
  if (!event || REQUIRED_MEMBERS.some((member) => event[member] === undefined)) {
    throw new AwsError("ValidationException", "Parameter Event is not valid.");
  }
  return { Result: pattern.matches(event) };
};
