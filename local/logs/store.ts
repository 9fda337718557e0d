import { AwsError } from "../service.ts";
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

/** The log groups of the account, in memory. */
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

/** Makes an empty store. */
export function createLogStore(world: World, limits: LogLimits): LogStore {
  const groups = new Map<string, LogGroup>();
  /** In the order in which they were last written to. */
  const byRecency = new Set<LogStream>();
  let ordinal = 0;
  let bytes = 0;

  const forget = (stream: LogStream, count: number) => {
    const freed = stream.events.splice(0, count).reduce((sum, event) => sum + event.message.length, 0);
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
  };

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
      return made;
    },
    deleteGroup: (gone) => {
      for (const stream of gone.streams.values()) deleteStream(gone, stream);
      groups.delete(gone.name);
    },
    deleteStream,
    append: (stream, timestamp, message) => {
      const event: LogEvent = { ordinal: ordinal++, timestamp, ingestedAt: world.clock.now(), message };
      stream.events.push(event);
      stream.bytes += message.length;
      bytes += message.length;
      byRecency.delete(stream);
      byRecency.add(stream);
      makeRoom(stream);
      return event;
    },
  };
}

/** `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, with or without `:*`, or the name itself. */
function groupName(nameOrArn: string): string {
  const marker = ":log-group:";
  if (!nameOrArn.startsWith("arn:") || !nameOrArn.includes(marker)) return nameOrArn;
  return nameOrArn.slice(nameOrArn.indexOf(marker) + marker.length).replace(/:\*$/, "");
}
