import { join } from "node:path";
import * as schemas from "@aws-sdk/client-cloudwatch-logs";
import { createEventOperations } from "./logs/event-operations.ts";
import { createLogFiles } from "./logs/files.ts";
import { createGroupOperations } from "./logs/group-operations.ts";
import { createLogStore, type LogLimits } from "./logs/store.ts";
import type { Service } from "./service.ts";
import type { World } from "./world.ts";

/** Where services write what their processes print. Implemented by the CloudWatch Logs service. */
export interface LogSink {
  /** Appends one line; creates group and stream when they do not exist. Never throws. */
  write(group: string, stream: string, line: string): void;
}

/** One line as it arrives. */
export interface LogLine {
  readonly group: string;
  readonly stream: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly message: string;
}

/** CloudWatch Logs, as far as lines are written and read. */
export interface Logs extends Service, LogSink {
  /** Calls `listener`, which must not throw, for every line from now on; returns how to end that. */
  onLine(listener: (line: LogLine) => void): () => void;
  /** Resolves when the files are written. */
  stop(): Promise<void>;
}

/** What the logs hold and where. */
export interface LogsOptions {
  /** Whether lines are also appended to `WORLD-FOLDER/logs/GROUP/STREAM.log`; they are unless this is false. */
  readonly files?: boolean;
  readonly limits?: LogLimits;
}

const DEFAULT_LIMITS: LogLimits = { eventsPerStream: 20_000, bytes: 32 * 1024 * 1024 };
/** The longest message of CloudWatch Logs (256 KiB); the rest of a longer line is cut off. */
const MESSAGE_LIMIT_CHARACTERS = 262_144;

/** Makes CloudWatch Logs. */
export function createLogs(world: World, options: LogsOptions = {}): Logs {
  const store = createLogStore(world, options.limits ?? DEFAULT_LIMITS);
  const files = options.files === false ? undefined : createLogFiles(join(world.folder, "logs"));
  const listeners = new Set<(line: LogLine) => void>();

  const append = (groupName: string, streamName: string, timestamp: number, message: string) => {
    const stream = store.ensureStream(store.ensureGroup(groupName), streamName);
    const event = store.append(stream, timestamp, message.slice(0, MESSAGE_LIMIT_CHARACTERS));
    files?.append(groupName, streamName, event);
    for (const listener of listeners) {
      listener({ group: groupName, stream: streamName, timestamp, message: event.message });
    }
  };

  return {
    target: "Logs_20140328",
    protocol: "json1.1",
    schemas,
    operations: { ...createGroupOperations(store), ...createEventOperations(store, append) },
    write: (group, stream, line) => append(group, stream, world.clock.now(), line),
    onLine: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: async () => {
      await files?.flush();
    },
  };
}
