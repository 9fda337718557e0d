import { appendFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LogEvent } from "./store.ts";

/** Log streams as text files that a person can open. */
export interface LogFiles {
  /** Never throws and never waits. */
  append(group: string, stream: string, event: LogEvent): void;
  /** Resolves when everything given so far has been written, or could not be. */
  flush(): Promise<void>;
}

/** Control characters but the tab: what a process prints must not command the terminal of who reads it. */
const CONTROL = /[\p{Cc}--\t]/gv;

/** Writes under `folder`: `GROUP/STREAM.log`, a line per event with its time before it. */
export function createLogFiles(folder: string): LogFiles {
  const waiting = new Map<string, string[]>();
  let writing: Promise<void> | undefined;

  const write = async () => {
    for (const [path, lines] of waiting) {
      waiting.delete(path);
      // A full disk or a deleted folder must not end what is being logged: the lines are in memory, too.
      await mkdir(dirname(path), { recursive: true })
        .then(() => appendFile(path, `${lines.join("\n")}\n`))
        .catch(() => {});
    }
    writing = undefined;
  };

  return {
    append: (group, stream, event) => {
      const path = join(folder, ...group.split("/").map(fileName), `${fileName(stream)}.log`);
      const line = `${new Date(event.timestamp).toISOString()} ${event.message.replaceAll(CONTROL, "")}`;
      const lines = waiting.get(path);
      if (lines) lines.push(line);
      else waiting.set(path, [line]);
      writing ??= Promise.resolve().then(write);
    },
    flush: async () => {
      while (writing) await writing;
    },
  };
}

/** A name as part of a path: nothing in it can lead out of the folder. */
function fileName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._$-]/g, "-").slice(0, 200);
  return /^\.*$/.test(plain) ? plain.replaceAll(".", "-") : plain;
}
