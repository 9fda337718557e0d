import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Clock } from "./asl/clock.ts";

/** A process and everything it started: its whole group. */
export interface GroupProcess {
  readonly pid: number;
  /** Settles when the process has ended and its output was read. Rejects with ProcessStartError if it never ran. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Signals the whole group; harmless when it is gone. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM to the group, SIGKILL after the grace; settles when nothing of it is left. */
  stop(graceMilliseconds: number): Promise<void>;
}

/** The command could not be started at all. */
export class ProcessStartError extends Error {
  override readonly name = "ProcessStartError";
  constructor(command: string, cause: unknown) {
    super(
      `Cannot start ${command}: ${cause instanceof Error ? cause.message : String(cause)}. Check that it is installed and executable.`,
      { cause },
    );
  }
}

/** Longer lines are cut: they come from strangers, and people read them. */
const longestLine = 8192;

/**
 * Starts a process in a group of its own, with exactly the environment given: nothing of ours leaks into it, and
 * nothing it starts outlives `stop`.
 */
export function startProcess(
  clock: Clock,
  options: {
    readonly command: string;
    readonly arguments: readonly string[];
    readonly folder: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  },
): GroupProcess {
  const child = spawn(options.command, [...options.arguments], {
    cwd: options.folder,
    env: { ...options.environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  for (const stream of ["stdout", "stderr"] as const) {
    const lines = createInterface({ input: child[stream], crlfDelay: Number.POSITIVE_INFINITY });
    lines.on("line", (line) => options.onLine?.(line.slice(0, longestLine), stream));
  }
  const exited = clock.busy(
    new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
      child.once("error", (error) => reject(new ProcessStartError(options.command, error)));
      child.once("close", (code, signal) => resolve({ code, signal }));
    }),
  );
  // Whoever does not ask how it ended must not be killed by the answer.
  exited.catch(() => {});

  const kill = (signal: NodeJS.Signals) => {
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone.
    }
  };

  return {
    pid: pid ?? -1,
    exited,
    kill,
    async stop(graceMilliseconds) {
      kill("SIGTERM");
      const cancel = clock.after(graceMilliseconds, () => kill("SIGKILL"));
      await exited.catch(() => undefined);
      cancel();
      // What the process itself started and left behind.
      kill("SIGKILL");
    },
  };
}
