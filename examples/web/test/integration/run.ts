// Runs the integration tests against TEST_DATABASE_URL if given (the URL of a server on which databases may be
// created), else against a PostgreSQL of their own. Further words are passed to the test runner.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startTestPostgres } from "./postgres.ts";

const given = process.env.TEST_DATABASE_URL;
const postgres = given ? undefined : await startTestPostgres();
const tests = spawn(
  process.execPath,
  ["--test", ...process.argv.slice(2), join(import.meta.dirname, "*.test.ts")],
  { stdio: "inherit", env: { ...process.env, TEST_DATABASE_URL: given ?? postgres?.url } },
);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => tests.kill(signal));
const [code] = await once(tests, "exit");
await postgres?.stop();
process.exitCode = code ?? 1;
