import { AwsError } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";

/** One line of a log. */
export interface LogEvent {
  /** Order of arrival among all events of the account; never used twice. */
  readonly ordinal: number;
  /** When it happened; milliseconds since the epoch. */
  readonly timestamp: number;
  /** When it arrived; milliseconds since the epoch. */
  readonly ingestedAt: number;
  readonly message: string;
}

/** A log stream with the events that are still held. */
export interface LogStream {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly events: LogEvent[];
  bytes: number;
}

/** A log group with its streams by name. */
export interface LogGroup {
  readonly name: string;
  /** Without the `:*` at the end. */
  readonly arn: string;
  readonly createdAt: number;
  retentionDays: number | undefined;
  readonly streams: Map<string, LogStream>;
}

/** The log groups of the account. */
export interface LogStore {
  readonly groups: ReadonlyMap<string, LogGroup>;
  /** By name or ARN. Throws AwsError ResourceNotFoundException. */
  group(nameOrArn: string | undefined): LogGroup;
  /** Throws AwsError ResourceNotFoundException for the group or the stream. */
  stream(groupNameOrArn: string | undefined, name: string | undefined): LogStream;
  /** The group, made if it is not there yet. */
  ensureGroup(name: string): LogGroup;
  /** The stream, made if it is not there yet. */
  ensureStream(group: LogGroup, name: string): LogStream;
  setRetention(group: LogGroup, days: number | undefined): void;
  deleteGroup(group: LogGroup): void;
  deleteStream(group: LogGroup, stream: LogStream): void;
  append(stream: LogStream, timestamp: number, message: string): LogEvent;
}

/** What is held in memory; the files keep everything. */
export interface LogLimits {
  readonly eventsPerStream: number;
  /** Of messages, over all streams. Beyond it the streams that were written to longest ago lose theirs. */
  readonly bytes: number;
}

interface KeptStream extends Pick<LogStream, "name" | "arn" | "createdAt"> {
  readonly group: string;
}

/** Makes the store, with what an earlier process kept of it. */
export function createLogStore(world: World, limits: LogLimits): LogStore {
  const keptGroups = keptIn<Omit<LogGroup, "streams">>(world, "logs/groups");
  const keptStreams = keptIn<KeptStream>(world, "logs/streams");
  const keptEvents = keptIn<LogEvent & { readonly group: string; readonly stream: string }>(
    world,
    "logs/events",
  );
  const groups = new Map<string, LogGroup>();
  /** In the order in which they were last written to. */
  const byRecency = new Set<LogStream>();
  let ordinal = 0;
  let bytes = 0;

  const forget = (stream: LogStream, count: number) => {
    let freed = 0;
    for (const event of stream.events.splice(0, count)) {
      freed += event.message.length;
      keptEvents.delete(String(event.ordinal));
    }
    stream.bytes -= freed;
    bytes -= freed;
  };

  const makeRoom = (writing: LogStream) => {
    // A tenth at a time: taking one from the front of a long list for each line would cost more than it frees.
    if (writing.events.length > limits.eventsPerStream)
      forget(writing, Math.ceil(limits.eventsPerStream / 10));
    for (const stream of byRecency) {
      if (bytes <= limits.bytes) return;
      if (stream === writing) {
        forget(stream, Math.ceil(stream.events.length / 2));
        return;
      }
      forget(stream, stream.events.length);
      byRecency.delete(stream);
    }
  };

  const group = (nameOrArn: string | undefined): LogGroup => {
    const found = groups.get(groupName(nameOrArn ?? ""));
    if (found) return found;
    throw new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
  };

  const deleteStream = (from: LogGroup, stream: LogStream) => {
    forget(stream, stream.events.length);
    byRecency.delete(stream);
    from.streams.delete(stream.name);
    keptStreams.delete(stream.arn);
  };

  const keepGroup = ({ streams: _, ...group }: LogGroup) => keptGroups.put(group.name, group);

  const hold = (stream: LogStream, event: LogEvent) => {
    stream.events.push(event);
    stream.bytes += event.message.length;
    bytes += event.message.length;
    byRecency.delete(stream);
    byRecency.add(stream);
  };

  for (const [name, one] of keptGroups.entries()) groups.set(name, { ...one, streams: new Map() });
  for (const [, { group: of, ...stream }] of keptStreams.entries())
    groups.get(of)?.streams.set(stream.name, { ...stream, events: [], bytes: 0 });
  for (const [, { group: of, stream: name, ...event }] of keptEvents.entries()) {
    ordinal = Math.max(ordinal, event.ordinal + 1);
    const stream = groups.get(of)?.streams.get(name);
    if (stream !== undefined) hold(stream, event);
  }

  return {
    groups,
    group,
    stream: (groupNameOrArn, name) => {
      const found = group(groupNameOrArn).streams.get(name ?? "");
      if (found) return found;
      throw new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
    },
    ensureGroup: (name) => {
      const existing = groups.get(name);
      if (existing) return existing;
      const made: LogGroup = {
        name,
        arn: arn(world, "logs", `log-group:${name}`),
        createdAt: world.clock.now(),
        retentionDays: undefined,
        streams: new Map(),
      };
      groups.set(name, made);
      keepGroup(made);
      return made;
    },
    ensureStream: (within, name) => {
      const existing = within.streams.get(name);
      if (existing) return existing;
      const made: LogStream = {
        name,
        arn: `${within.arn}:log-stream:${name}`,
        createdAt: world.clock.now(),
        events: [],
        bytes: 0,
      };
      within.streams.set(name, made);
      const { arn: streamArn, createdAt } = made;
      keptStreams.put(streamArn, { name, arn: streamArn, createdAt, group: within.name });
      return made;
    },
    setRetention: (group, days) => {
      group.retentionDays = days;
      keepGroup(group);
    },
    deleteGroup: (gone) => {
      for (const stream of gone.streams.values()) deleteStream(gone, stream);
      groups.delete(gone.name);
      keptGroups.delete(gone.name);
    },
    deleteStream,
    append: (stream, timestamp, message) => {
      const event: LogEvent = { ordinal: ordinal++, timestamp, ingestedAt: world.clock.now(), message };
      hold(stream, event);
      keptEvents.put(String(event.ordinal), { ...event, ...placeOf(stream) });
      makeRoom(stream);
      return event;
    },
  };
}

/** The group and the stream that a stream's ARN names. */
function placeOf({ arn: streamArn, name }: LogStream): { group: string; stream: string } {
  const group = streamArn.slice(streamArn.indexOf(":log-group:") + ":log-group:".length);
  return { group: group.slice(0, group.length - `:log-stream:${name}`.length), stream: name };
}

/** `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, with or without `:*`, or the name itself. */
function groupName(nameOrArn: string): string {
  const marker = ":log-group:";
  if (!nameOrArn.startsWith("arn:") || !nameOrArn.includes(marker)) return nameOrArn;
  return nameOrArn.slice(nameOrArn.indexOf(marker) + marker.length).replace(/:\*$/, "");
}
