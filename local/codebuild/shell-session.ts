import { writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../asl/clock.ts";
import { type GroupProcess, startProcess } from "../process.ts";

/** A shell in which the commands of a build run one after another: folders and variables last. */
export interface ShellSession {
  /**
   * Runs one command, of one or more lines. @returns its exit status, once all of its output was given.
   * A command that exits the shell gives the shell's own; the next one begins in a new shell.
   */
  run(command: string): Promise<number>;
  /** Ends the shell and whatever runs in it, after a grace. */
  stop(graceMilliseconds: number): Promise<void>;
}

/**
 * The program of the shell: for each line on descriptor 3, run the command file and answer with its status.
 * Commands do not see that descriptor, so that they can neither read nor write it.
 */
const PROGRAM = (file: string) => `exec 2>&1
while IFS= read -r SPILLWAY_TURN <&3; do
. ${quote(file)} 3<&-
printf '%s\\n' "$?" >&3
done
`;

/** Prepares a session; the shell starts with its first command. */
export function createShellSession(
  clock: Clock,
  options: {
    readonly shell: "sh" | "bash";
    /** Where the commands begin. */
    readonly folder: string;
    /** Where the session keeps its own files, outside of `folder`. */
    readonly scratch: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly onLine: (line: string) => void;
  },
): ShellSession {
  const commandFile = join(options.scratch, "command.sh");
  const programFile = join(options.scratch, "session.sh");
  let shell: GroupProcess | undefined;
  let stopped = false;
  let answer: ((status: number) => void) | undefined;

  const start = async (): Promise<GroupProcess> => {
    await writeFile(programFile, PROGRAM(commandFile));
    const started = startProcess(clock, {
      command: options.shell,
      arguments: [programFile],
      folder: options.folder,
      environment: options.environment,
      onLine: options.onLine,
      onControlLine: (line) => answer?.(Number(line)),
    });
    shell = started;
    const onEnd = (status: number) => {
      if (shell === started) shell = undefined;
      answer?.(status);
    };
    started.exited.then(
      ({ code, signal }) => onEnd(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      (error: Error) => {
        options.onLine(error.message);
        onEnd(127);
      },
    );
    return started;
  };

  return {
    async run(command) {
      await writeFile(commandFile, `${command}\n`);
      if (stopped) return 128 + constants.signals.SIGTERM;
      const running = shell ?? (await start());
      const status = await new Promise<number>((resolve) => {
        answer = resolve;
        running.send("go");
      });
      answer = undefined;
      // The status overtakes what the command printed last, which is in the pipe already.
      await nextTurn();
      return status;
    },
    async stop(graceMilliseconds) {
      stopped = true;
      await shell?.stop(graceMilliseconds);
    },
  };
}

/** A text as one word of a shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
