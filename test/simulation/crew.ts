import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "./plan.ts";
import type { Report } from "./worker.ts";

/** A world to live through: that of a seed, or of a plan. */
export type Task = number | Plan;

/** How a crew works. */
export interface CrewOptions {
  readonly workers: number;
  /** Arguments of Node for each, and what they find in their environment besides. */
  readonly execArgv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Told of each world as it is over. @returns whether to go on. */
  readonly onReport: (report: Report) => boolean;
}

/** A world makes much that is forgotten at once: with the room that V8 gives it at first, much of that is copied before. */
const roomForTheYoung = ["--min-semi-space-size=64", "--max-semi-space-size=64"];

/** Has worker processes live through worlds until there are no more, or one is enough. Leaves none running. */
export async function liveThrough(tasks: Iterator<Task>, options: CrewOptions): Promise<void> {
  let goesOn = true;
  const next = (): Task | undefined => {
    const { value, done } = goesOn ? tasks.next() : { value: undefined, done: true };
    return done === true ? undefined : value;
  };
  const workers: ChildProcess[] = [];
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = fork(join(import.meta.dirname, "worker.ts"), {
        execArgv: [...roomForTheYoung, ...(options.execArgv ?? [])],
        env: {
          ...process.env,
          ...options.environment,
          // A worker reads many modules as it begins.
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), "node-compile-cache"),
          POWERTOOLS_LOG_LEVEL: "SILENT",
          POWERTOOLS_METRICS_DISABLED: "true",
          // Else each function of each world makes a console of its own.
          POWERTOOLS_DEV: "true",
        },
      });
      workers.push(worker);
      const give = () => {
        const task = next();
        if (task === undefined) worker.disconnect();
        else worker.send(task);
      };
      worker.on("message", (report: Report) => {
        if (goesOn) goesOn = options.onReport(report);
        give();
      });
      worker.on("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`)),
      );
      give();
    });
  try {
    await Promise.all(Array.from({ length: options.workers }, work));
  } finally {
    for (const worker of workers) worker.kill();
  }
}
