import { type ChildProcess, spawn } from "node:child_process";
import { Duplex, type Readable } from "node:stream";
import type { Clock } from "./asl/clock.ts";
import { createGuardian } from "./guardian.ts";
import { createLineSplitter } from "./lines.ts";

/** A process and everything it started: its whole group. */
export interface GroupProcess {
  /** -1 if the process could not be started. */
  readonly pid: number;
  /**
   * Settles when the process has ended, its group is gone and its output was read.
   * Rejects with ProcessStartError if it never ran.
   */
  readonly exited: Promise<ProcessExit>;
  /** Signals the whole group; harmless when it is gone. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM to the group, SIGKILL after the grace; settles when nothing of it is left. Never rejects. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Writes a line to the control channel; nothing happens when there is none or it is closed. */
  send(line: string): void;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What to start, where and with what. */
export interface ProcessOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly folder: string;
  /** All of it: nothing else is inherited. A command without a slash is looked up in its PATH. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Gives the process a two-way channel on descriptor 3, and is told the lines that it writes there. */
  readonly onControlLine?: (line: string) => void;
}

/** The command could not be started at all. */
export class ProcessStartError extends Error {
  override readonly name = "ProcessStartError";
  constructor(options: Pick<ProcessOptions, "command" | "folder">, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `Cannot start ${options.command} in ${options.folder}: ${reason}. ` +
        "Check that the command is installed and executable, and that the folder exists.",
      { cause },
    );
  }
}

/** How long output may still come after a process has ended, from one that escaped into another group. */
const LAST_OUTPUT_MILLISECONDS = 1_000;

/** Groups that run now. They are not to outlive us: not when we exit, and not when we are killed. */
const running = new Set<number>();
const guardian = createGuardian();
process.once("exit", () => {
  for (const pid of running) signalGroup(pid, "SIGKILL");
});

/** The process that ends what we started if we are killed; undefined if there can be none. */
export function guardianId(): number | undefined {
  return guardian.id;
}

/**
 * Starts a process in a group of its own, with exactly the environment given. As in a container, whatever it
 * started is killed when it ends.
 */
export function startProcess(clock: Clock, options: ProcessOptions): GroupProcess {
  const child = spawn(options.command, [...options.arguments], {
    cwd: options.folder,
    env: { ...options.environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", options.onControlLine ? "pipe" : "ignore"],
  });
  const { pid } = child;
  if (pid !== undefined) {
    running.add(pid);
    guardian.watch(running);
  }
  readLines(child.stdio[1], (line) => options.onLine?.(line, "stdout"));
  readLines(child.stdio[2], (line) => options.onLine?.(line, "stderr"));
  const control = child.stdio[3];
  readLines(control, (line) => options.onControlLine?.(line));
  const exited = whenExited(clock, child, options);
  // Whoever does not ask how it ended must not be ended by the answer.
  exited.catch(() => {});

  const kill = (signal: NodeJS.Signals) => {
    if (pid !== undefined && running.has(pid)) signalGroup(pid, signal);
  };

  return {
    pid: pid ?? -1,
    exited,
    kill,
    async stop(graceMilliseconds) {
      kill("SIGTERM");
      const cancel = clock.after(graceMilliseconds, () => kill("SIGKILL"));
      await clock.busy(exited, `the end of ${options.command}`).catch(() => undefined);
      cancel();
    },
    send(line) {
      if (control instanceof Duplex && control.writable) control.write(`${line}\n`);
    },
  };
}

function whenExited(clock: Clock, child: ChildProcess, options: ProcessOptions): Promise<ProcessExit> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      // Also told of a signal that could not be sent; only a process without an id never ran.
      if (child.pid === undefined) reject(new ProcessStartError(options, cause));
    });
    child.once("exit", () => {
      if (child.pid === undefined) return;
      // At once: as long as something of the group lives, its number cannot be another's.
      signalGroup(child.pid, "SIGKILL");
      running.delete(child.pid);
      guardian.watch(running);
      const cancel = clock.after(LAST_OUTPUT_MILLISECONDS, () => {
        for (const stream of child.stdio) stream?.destroy();
      });
      child.once("close", cancel);
    });
    child.once("close", (code, signal) => {
      if (child.pid !== undefined) resolve({ code, signal });
    });
  });
}

function readLines(stream: unknown, onLine: (line: string) => void): void {
  if (!isReadable(stream)) return;
  const splitter = createLineSplitter(onLine);
  stream.on("data", (chunk: Buffer) => splitter.write(chunk));
  stream.once("close", () => splitter.end());
  // A pipe that breaks has nothing more to tell; the process's exit says the rest.
  stream.on("error", () => {});
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === "object" && stream !== null && "readable" in stream;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}
