import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scenarios } from "../../cli/scenarios.ts";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { type Postgres, startPostgres } from "../../local/postgres.ts";
import type { DatabaseAccess } from "../../local/postgres-databases.ts";
import { copyExample, example, lendPackages, runNode, serveExample, startNode } from "./example.ts";

const binary = (name: string) => join(example, "../../node_modules", name);
let folder: string;
let postgres: Postgres;
const inScenario = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-scenarios-"));
  const names = await readdir(join(example, "scenarios"));
  await Promise.all([
    lendPackages(folder),
    ...names.filter((name) => name !== "README.md").map((name) => copyExample(inScenario(name), name)),
    copyExample(inScenario("as-it-is")),
    startPostgres({ folder: join(folder, "postgres"), clock: createRealClock() }).then((started) => {
      postgres = started;
    }),
  ]);
}, 60_000);

afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const settingsOf = ({ url, ca }: DatabaseAccess) => ({ DATABASE_URL: url, DATABASE_CA: ca });
const unitTests = (name: string) =>
  runNode(inScenario(name), ["--test", "--test-isolation=none", "test/unit/*.test.ts"]);
const migrate = (name: string, database: DatabaseAccess, ...words: string[]) =>
  runNode(inScenario(name), ["migrate/main.ts", ...words], settingsOf(database));
const endToEnd = (base: string) =>
  runNode(inScenario("as-it-is"), ["--test", "test/end-to-end/*.test.ts"], { SPILLWAY_URL: base });

describe("the folder of scenarios", () => {
  test("has what can be played, and each is described", async () => {
    const folders = (await readdir(join(example, "scenarios"))).filter((name) => name !== "README.md");
    expect(folders.toSorted()).toEqual(scenarios.map(({ name }) => name).toSorted());
    const readme = await readFile(join(example, "scenarios/README.md"), "utf8");
    for (const { name, ends } of scenarios) {
      expect(
        readme.split("\n").find((line) => line.startsWith(`| \`${name}\``)),
        name,
      ).toContain(`\`${ends}\``);
    }
  });

  test("follows the example: a file laid over another one keeps nearly all of its lines", async () => {
    for (const { name } of scenarios) {
      for (const entry of await readdir(join(example, "scenarios", name), {
        recursive: true,
        withFileTypes: true,
      })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const replaced = await readFile(path.replace(`/scenarios/${name}/`, "/"), "utf8").catch(() => "");
        const lines = new Set((await readFile(path, "utf8")).split("\n"));
        const lost = replaced.split("\n").filter((line) => !lines.has(line));
        expect(lost.length, `${path} lost\n${lost.join("\n")}`).toBeLessThan(8);
      }
    }
  });

  test("passes static analysis, every one", async () => {
    const types = {
      extends: "./as-it-is/tsconfig.json",
      include: ["*/src", "*/migrate", "*/performance", "*/test"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(types));
    const [typed, ...linted] = await Promise.all([
      runNode(folder, [binary("typescript/bin/tsc"), "--noEmit", "-p", "."]),
      ...scenarios.map(({ name }) =>
        runNode(inScenario(name), [
          binary("@biomejs/biome/bin/biome"),
          ...["check", "--config-path=biome.web.json", "--error-on-warnings", "."],
        ]),
      ),
    ]);
    for (const { code, output } of [typed, ...linted]) expect(code, output).toBe(0);
  }, 60_000);

  test("passes its unit tests, but for the one that is meant to fail", async () => {
    for (const { name } of scenarios.filter(({ name }) => name !== "failing-unit-tests")) {
      const { code, output } = await unitTests(name);
      expect(code, `${name}\n${output}`).toBe(0);
    }
  }, 120_000);
});

test("failing-unit-tests fails exactly one of them", async () => {
  const { code, output } = await unitTests("failing-unit-tests");
  expect([code, /^ℹ fail (\d+)/m.exec(output)?.[1]]).toEqual([1, "1"]);
  expect(output).toMatch(/✖ refuses "https:\/\/example\.org\/aaa/);
});

test("vulnerable is rejected by the scan, and differs from the example in one package", async () => {
  const project = inScenario("vulnerable");
  const read = async (path: string) => JSON.parse(await readFile(join(path, "package-lock.json"), "utf8"));
  const lock = await read(project);
  delete lock.packages["node_modules/minimist"];
  delete lock.packages[""].dependencies.minimist;
  expect(lock).toEqual(await read(example));

  await promisify(execFile)("npm", ["ci", "--prefer-offline", "--prefix", "security"], { cwd: project });
  const environment = Object.entries(process.env).filter(([name]) => /^(npm_config_|HOME$)/.test(name));
  const scan = await runNode(
    project,
    ["security/scan.ts"],
    Object.fromEntries(environment.map(([name, value]) => [name, value ?? ""])),
  );
  expect([scan.code, scan.output]).toEqual([1, expect.stringMatching(/^CRITICAL .* in minimist 1\.2\.5/m)]);
  const sarif = JSON.parse(await readFile(join(project, "reports/security-scan.sarif"), "utf8"));
  expect(sarif.runs[0].results).toMatchObject([{ level: "error" }]);
}, 60_000);

test("failing-migration passes as the tests' superuser; as an environment's role it fails half-way and leaves the schema", async () => {
  const superuser = { url: postgres.url("tests"), ca: "" };
  const environment = await postgres.createDatabase("migration");
  await postgres.createDatabase("tests");
  for (const words of [["up"], ["down", "--to", "0002"], ["up"]]) {
    const { code, output } = await migrate("failing-migration", superuser, ...words);
    expect(code, output).toBe(0);
  }
  expect((await migrate("as-it-is", environment, "up")).code).toBe(0);
  const failed = await migrate("failing-migration", environment, "up");
  expect([failed.code, failed.output]).toEqual([1, expect.stringContaining("must be superuser")]);
  expect(JSON.parse(failed.lines.find((line) => line.startsWith("{")) ?? "").migration).toMatchObject({
    before: "0002",
    after: "0002",
    applied: [],
  });
  const service = await serveExample(inScenario("as-it-is"), settingsOf(environment));
  expect((await endToEnd(service.base)).code).toBe(0);
  await service.stop();
});

test("crash-on-start ends before it listens, in production only", async () => {
  const project = inScenario("crash-on-start");
  const settings = { DATABASE_URL: "sqlite::memory:", NODE_ENV: "production" };
  const { code, output } = await runNode(project, ["src/main.ts"], settings);
  expect([code, output]).toEqual([1, expect.stringContaining("REPORT_ABUSE_TO is not set")]);
  expect(output).not.toContain("listening");
  await (await serveExample(project, { NODE_ENV: "test", DATABASE_URL: "sqlite::memory:" })).stop();
});

test("unhealthy starts, and answers 500 on its health path only", async () => {
  const service = await serveExample(inScenario("unhealthy"), {
    DATABASE_URL: "sqlite::memory:",
    NODE_ENV: "production",
  });
  const answers = await Promise.all(["/health", "/"].map((path) => fetch(service.base + path)));
  expect(answers.map(({ status }) => status)).toEqual([500, 200]);
  await service.stop();
});

test("slow-start takes eight seconds before it listens, in production only", async () => {
  const project = inScenario("slow-start");
  const slow = startNode(project, ["src/main.ts"], {
    DATABASE_URL: "sqlite::memory:",
    NODE_ENV: "production",
    PORT: "0",
  });
  expect(JSON.parse(await slow.saw("warming up")).milliseconds).toBe(8_000);
  slow.child.kill("SIGKILL");
  await slow.ended;
  expect(slow.lines.join("\n")).not.toContain("listening");
  await (await serveExample(project, { NODE_ENV: "test", DATABASE_URL: "sqlite::memory:" })).stop();
});

test("failing-e2e is healthy, and the end-to-end tests see that a link leads elsewhere", async () => {
  const service = await serveExample(inScenario("failing-e2e"), { DATABASE_URL: "sqlite::memory:" });
  expect((await fetch(`${service.base}/health`)).status).toBe(200);
  const { code, output } = await endToEnd(service.base);
  expect([code, /^ℹ fail (\d+)/m.exec(output)?.[1]]).toEqual([1, "1"]);
  expect(output).toContain("✖ leads to exactly the address it was made for");
  await service.stop();
});

test("slow-response is healthy and right, and the load says by how much it is too slow", async () => {
  const database = await postgres.createDatabase("slow");
  await migrate("slow-response", database, "up");
  const service = await serveExample(inScenario("slow-response"), settingsOf(database));
  expect((await endToEnd(service.base)).code).toBe(0);
  const { code, lines } = await runNode(inScenario("as-it-is"), ["performance/main.ts"], {
    SPILLWAY_URL: service.base,
    SPILLWAY_LOAD_REQUESTS_PER_SECOND: "20",
    SPILLWAY_LOAD_SECONDS: "1",
    SPILLWAY_LIMIT_P50_MILLISECONDS: "300",
  });
  expect(code).toBe(1);
  expect(lines.at(-1)).toMatch(
    /^Missed: p50 \d+(\.\d)? ms, \d+(\.\d+)? ms over the limit of 300 ms \(SPILLWAY_LIMIT_P50_MILLISECONDS\)$/,
  );
  await service.stop();
});
