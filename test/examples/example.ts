import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "../..");

/** The folder of the example service. */
export const example = join(root, "examples/web");

/** A copy of the example in `folder`, without what is installed there, with a scenario's files laid over it. */
export async function copyExample(folder: string, scenario?: string): Promise<string> {
  const installed = /\/(node_modules|reports|\.npm)(\/|$)/;
  await cp(example, folder, {
    recursive: true,
    filter: (path) => !installed.test(path.slice(example.length)),
  });
  if (scenario !== undefined) await cp(join(example, "scenarios", scenario), folder, { recursive: true });
  return folder;
}

/** Lets whatever is beneath `folder` use our packages. */
export function lendPackages(folder: string): Promise<void> {
  return symlink(join(root, "node_modules"), join(folder, "node_modules"));
}

/** A program that was started with nothing but the environment given. */
export interface Program {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves to the first line, seen or to come, that holds the text. Rejects if the program ends without it. */
  saw(text: string): Promise<string>;
  /** Resolves to the exit code; null if a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts Node with these words in `folder`. */
export function startNode(
  folder: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Program {
  const child = spawn(process.execPath, words, {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let told = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      told.resolve();
      told = Promise.withResolvers();
    });
  }
  let isOver = false;
  const ended = once(child, "close").then(([code]: (number | null)[]) => {
    isOver = true;
    told.resolve();
    return code ?? null;
  });
  return {
    child,
    lines,
    ended,
    async saw(text) {
      for (;;) {
        const found = lines.find((line) => line.includes(text));
        if (found !== undefined) return found;
        if (isOver) throw new Error(`It ended without "${text}":\n${lines.join("\n")}`);
        await told.promise;
      }
    },
  };
}

/** Runs Node to its end. */
export async function runNode(
  ...given: Parameters<typeof startNode>
): Promise<{ code: number | null; lines: string[]; output: string }> {
  const { ended, lines } = startNode(...given);
  const code = await ended;
  return { code, lines, output: lines.join("\n") };
}

/** Starts the service of a copy of the example; its address, and how to end it. */
export async function serveExample(folder: string, environment: Readonly<Record<string, string>>) {
  const program = startNode(folder, ["src/main.ts"], { ...environment, PORT: "0" });
  const { port }: { port: number } = JSON.parse(await program.saw('"message":"listening"'));
  return {
    base: `http://127.0.0.1:${port}`,
    async stop() {
      program.child.kill("SIGTERM");
      await program.ended;
    },
  };
}
