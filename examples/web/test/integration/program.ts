import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { MigrationReport } from "../../migrate/migrator.ts";
import type { Image } from "./image.ts";
import { readUnderTest } from "./under-test.ts";

const { service, migration } = readUnderTest();

/** Starts the program of an image as a process, with its environment and what is given. */
function start(image: Image, words: readonly string[], environment: Record<string, string>) {
  const [interpreter, ...program] = image.entrypoint;
  if (interpreter !== "node")
    throw new Error(`The image starts "${interpreter}"; only node can be started here.`);
  const child = spawn(process.execPath, [...program, ...words], {
    cwd: image.folder,
    // Nothing of a test is to be seen from other machines, whatever the image says.
    env: { ...image.environment, NODE_ENV: "test", HOST: "127.0.0.1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  const errors: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => output.push(line));
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
  return { child, lines, output, errors, ended };
}

/** The service as a process, listening. */
export async function startService(databaseUrl: string) {
  const program = start(service, [], { DATABASE_URL: databaseUrl, PORT: "0" });
  const port = await Promise.race([
    new Promise<number>((resolve) => {
      program.lines.on("line", (line) => {
        const entry: { message?: string; port?: number } = JSON.parse(line);
        if (entry.message === "listening" && entry.port !== undefined) resolve(entry.port);
      });
    }),
    program.ended.then(() => Promise.reject(new Error(`The service ended:\n${program.output.join("\n")}`))),
  ]);
  return {
    base: `http://127.0.0.1:${port}`,
    output: program.output,
    ended: program.ended,
    /** Sends SIGTERM and waits for the end. */
    async stop() {
      program.child.kill("SIGTERM");
      return program.ended;
    },
  };
}

/** The migrator as a process. */
export function startMigration(databaseUrl: string, ...words: string[]) {
  const program = start(migration, words, { DATABASE_URL: databaseUrl });
  return {
    stop: () => program.child.kill("SIGTERM"),
    ended: program.ended.then(({ code }) => {
      const line = program.output.find((text) => text.startsWith('{"migration"'));
      const report: MigrationReport | undefined = line === undefined ? undefined : JSON.parse(line).migration;
      return { code, report, lines: program.output.length, errors: program.errors.join("\n") };
    }),
  };
}

/** Runs the migrator to its end. */
export function runMigration(databaseUrl: string, ...words: string[]) {
  return startMigration(databaseUrl, ...words).ended;
}
