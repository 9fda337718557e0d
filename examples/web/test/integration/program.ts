import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { MigrationReport } from "../../migrate/migrator.ts";

const project = join(import.meta.dirname, "../..");

/** Starts a program of this project as a process, with no more environment than given. */
function start(file: string, words: readonly string[], environment: Record<string, string>) {
  const child = spawn(process.execPath, [join(project, file), ...words], {
    env: environment,
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
  const environment = { DATABASE_URL: databaseUrl, PORT: "0", SPILLWAY_COMMIT: "3f2a91c" };
  const program = start("src/main.ts", [], environment);
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
  const program = start("migrate/main.ts", words, { DATABASE_URL: databaseUrl });
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
