// Runs the integration tests: the images that SPILLWAY_IMAGE and SPILLWAY_MIGRATION_IMAGE name, or this checkout,
// against TEST_DATABASE_URL if given (the URL of a server on which databases may be
// created), else against a PostgreSQL of their own. Further words are passed to the test runner.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startTestPostgres } from "./postgres.ts";
import { provideUnderTest, UNDER_TEST } from "./under-test.ts";

const { folder, ...underTest } = await provideUnderTest(process.env);
const given = process.env.TEST_DATABASE_URL;
const postgres = given ? undefined : await startTestPostgres();
const tests = spawn(
  process.execPath,
  ["--test", ...process.argv.slice(2), join(import.meta.dirname, "*.test.ts")],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      TEST_DATABASE_URL: given ?? postgres?.url,
      [UNDER_TEST]: JSON.stringify(underTest),
    },
  },
);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => tests.kill(signal));
const [code] = await once(tests, "exit");
await postgres?.stop();
if (folder !== undefined) await rm(folder, { recursive: true, force: true });
process.exitCode = code ?? 1;
