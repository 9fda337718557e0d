import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";

export const root = resolve(import.meta.dirname, "../..");
/** The Node that package.json pins, which is the one that npm start runs. */
export const node = resolve(root, "node_modules/.bin/node");

/** A command that a person started in a terminal: in a process group of its own, as a shell would. */
export interface Command {
  readonly id: number;
  readonly lines: readonly string[];
  /** A line that was printed, or the first that will be; `from` this one on. Rejects if the command ends without it. */
  line(wanted: RegExp, from?: number): Promise<string>;
  /** What it gave as its exit status; for one that a signal ended, the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** As Ctrl-C does: to every process of the terminal's group. */
  interrupt(signal?: NodeJS.Signals): void;
  /** As `kill -9` of its process does: to that one only. */
  kill(): void;
}

/** Starts a program of this machine and listens to all that it says. */
export function startCommand(program: string, words: readonly string[], folder = root): Command {
  const child = spawn(program, [...words], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const id = child.pid ?? -1;
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(stripVTControlCharacters(line));
      for (const listen of listeners) listen();
    });
  const ended = new Promise<number | NodeJS.Signals | null>((settle, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => settle(code ?? signal));
  });
  return {
    id,
    lines,
    ended,
    line: (wanted, from = 0) =>
      new Promise((settle, reject) => {
        const look = () => {
          const found = lines.slice(from).find((line) => wanted.test(line));
          if (found === undefined) return;
          listeners.delete(look);
          settle(found);
        };
        listeners.add(look);
        look();
        void ended.then((how) => {
          listeners.delete(look);
          reject(new Error(`The command ended with ${how} and never said ${wanted}:\n${lines.join("\n")}`));
        });
      }),
    interrupt: (signal = "SIGINT") => process.kill(-id, signal),
    kill: () => process.kill(id, "SIGKILL"),
  };
}
