import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createRealClock } from "../../local/asl/real-clock.ts";
import {
  type ContainerRunner,
  createProcessContainers,
  type RunningContainer,
} from "../../local/containers.ts";
import { createRegistry } from "../../local/ecr/registry.ts";
import { createImageStore } from "../../local/ecr/store.ts";
import { createRegistryTokens, type RegistryTokens } from "../../local/ecr/tokens.ts";
import { buildImage } from "../../local/images/build.ts";
import { pushImage } from "../../local/images/push.ts";
import { createUnpacker } from "../../local/images/unpack.ts";
import { type Postgres, startPostgres } from "../../local/postgres.ts";
import { keepServerCertificate } from "../../local/postgres-certificate.ts";
import type { DatabaseAccess } from "../../local/postgres-databases.ts";
import type { World } from "../../local/world.ts";
import { credentialsOf } from "../local/registry-login.ts";

const example = join(import.meta.dirname, "../../examples/web");
const clock = createRealClock();
const commit = "3f2a91c5e7d80b1a2c4f6e8091a3b5c7d9e1f203";
let folder: string;
let registry: Server;
let tokens: RegistryTokens;
let containers: ContainerRunner;
let postgres: Postgres;
const running: RunningContainer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-example-"));
  postgres = await startPostgres({ folder: join(folder, "postgres"), clock });
  const world: World = {
    clock,
    random: Math.random,
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "",
    folder,
    emit: () => undefined,
  };
  const store = await createImageStore(world);
  for (const name of ["web", "web-migrate"]) await store.createRepository(name, false);
  tokens = createRegistryTokens(world);
  registry = createServer(createRegistry(world, store, tokens)).listen(0, "127.0.0.1");
  await once(registry, "listening");
  containers = createProcessContainers(clock, {
    unpack: createUnpacker(world, store),
    interpreters: { node: process.execPath },
    path: process.env.PATH ?? "",
  });
});

afterAll(async () => {
  for (const container of running) await container.stop(5_000);
  await postgres?.stop();
  registry?.closeAllConnections();
  registry?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Builds and pushes one of the example's images as a release does; gives its reference by digest. */
async function release(contextFolder: string, dockerfile: string, repository: string): Promise<string> {
  const environment: Record<string, string> = {};
  // What npm needs to reach its registry and cache on this machine.
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && /^(PATH|HOME|NODE_EXTRA_CA_CERTS|npm_config_.*)$/.test(name))
      environment[name] = value;
  }
  const image = await buildImage({
    contextFolder,
    dockerfile,
    buildArguments: { COMMIT: commit, SEQUENCE: "7" },
    createdAtSeconds: 1_700_000_000,
    folder: join(folder, "built"),
    environment,
    clock,
  });
  const address = registry.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await pushImage(clock, image, {
    registry: `http://127.0.0.1:${port}`,
    repository,
    tag: commit,
    credentials: credentialsOf(tokens),
  });
  return `registry/${repository}@${image.digest}`;
}

/** What the platform resolves of a database's secret, by JSON key. */
const settingsOf = ({ url, ca }: DatabaseAccess) => ({ DATABASE_URL: url, DATABASE_CA: ca });

async function migrate(image: string, database: DatabaseAccess, ...command: string[]) {
  const lines: string[] = [];
  const container = await containers.start({
    image,
    ...(command.length > 0 ? { command } : {}),
    environment: settingsOf(database),
    onLine: (line) => lines.push(line),
  });
  const { exitCode } = await container.exited;
  const report: { migration: Record<string, unknown> } = JSON.parse(
    lines.find((line) => line.startsWith("{")) ?? "{}",
  );
  return { exitCode, lines, ...report };
}

/** Starts the service's image; gives its address once it listens. */
async function serve(image: string, settings: Record<string, string>): Promise<string> {
  const listening = Promise.withResolvers<number>();
  let last = "";
  const container = await containers.start({
    image,
    environment: { ...settings, PORT: "0", HOST: "127.0.0.1" },
    onLine: (line) => {
      last = line;
      const entry: { message?: string; port?: number } = JSON.parse(line);
      if (entry.message === "listening" && entry.port !== undefined) listening.resolve(entry.port);
    },
  });
  running.push(container);
  container.exited.then(
    ({ exitCode }) => listening.reject(new Error(`ended with ${exitCode}: ${last}`)),
    listening.reject,
  );
  return `http://127.0.0.1:${await listening.promise}`;
}

async function copyWithOverlay(scenario: string): Promise<string> {
  const copy = join(folder, scenario);
  await cp(example, copy, { recursive: true, filter: (path) => !path.includes("node_modules") });
  await cp(join(example, "scenarios", scenario), copy, { recursive: true });
  return copy;
}

async function runUnitTests(project: string): Promise<{ code: number; output: string }> {
  // The example's tests must not take themselves for part of this run.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(process.execPath, ["--test", "test/unit/*.test.ts"], {
    cwd: project,
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return { code, output };
}

describe("the example's images", () => {
  let migration: string;
  let service: string;
  beforeAll(async () => {
    [migration, service] = await Promise.all([
      release(example, "Dockerfile.migrate", "web-migrate"),
      release(example, "Dockerfile", "web"),
    ]);
  }, 60_000);

  test("refuse a database that the authority they were given did not vouch for, and say so", async () => {
    const { url } = await postgres.createDatabase("foreign");
    const { ca } = await keepServerCertificate(join(folder, "other-authority"), clock);
    const refused = /certificate was refused .*DATABASE_CA/;
    const up = await migrate(migration, { url, ca });
    expect([up.exitCode, up.lines.join("\n")]).toEqual([1, expect.stringMatching(refused)]);
    await expect(serve(service, settingsOf({ url, ca }))).rejects.toThrow(refused);
  });

  test("say why they are unavailable when the role may not enter the database", async () => {
    const { url, ca } = await postgres.createDatabase("one");
    await postgres.createDatabase("two");
    const base = await serve(service, settingsOf({ url: url.replace("/one?", "/two?"), ca }));
    const health = await fetch(`${base}/health`);
    expect([health.status, await health.json()]).toEqual([
      503,
      { status: "unavailable", commit, schema: null, reason: "The database cannot be used (42501)." },
    ]);
  });

  test("serve the development flavour from SQLite, which makes its own schema", async () => {
    const base = await serve(service, { DATABASE_URL: `sqlite:${join(folder, "development.sqlite")}` });
    expect(await (await fetch(`${base}/health`)).json()).toEqual({ status: "ok", commit, schema: "0002" });
  });

  test("migrate the database and serve from it, at the commit they were built from", async () => {
    const database = await postgres.createDatabase("good");
    const up = await migrate(migration, database);
    expect(up).toMatchObject({ exitCode: 0, migration: { command: "up", before: null, after: "0002" } });
    expect(await migrate(migration, database, "status")).toMatchObject({
      exitCode: 0,
      migration: { after: "0002" },
    });
    const base = await serve(service, settingsOf(database));
    const health = await fetch(`${base}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok", commit, schema: "0002" }]);
    const made = await fetch(`${base}/api/links`, { method: "POST", body: '{"url":"https://example.org/"}' });
    expect(made.status).toBe(201);
  });
});

describe("the scenario of an unhealthy release", () => {
  test("passes its unit tests, starts, and answers 500 once deployed", async () => {
    const project = await copyWithOverlay("unhealthy");
    const { code, output } = await runUnitTests(project);
    expect(code, output).toBe(0);
    const database = await postgres.createDatabase("unhealthy");
    await migrate(await release(project, "Dockerfile.migrate", "web-migrate"), database);
    const base = await serve(await release(project, "Dockerfile", "web"), settingsOf(database));
    expect((await fetch(`${base}/health`)).status).toBe(500);
    expect((await fetch(base)).status).toBe(200);
  });
});

test("every buildspec is version 0.2 and works from the repository's root", async () => {
  const folderOfSpecs = join(example, "buildspecs");
  const names = await readdir(folderOfSpecs);
  expect(names.sort()).toEqual([
    "integration-tests.yml",
    "security-scan.yml",
    "static-analysis.yml",
    "unit-tests.yml",
  ]);
  for (const name of names) {
    const spec = parse(await readFile(join(folderOfSpecs, name), "utf8"));
    expect(spec.version, name).toBe(0.2);
    expect(spec.phases.install.commands, name).toContain('cd "$CODEBUILD_SRC_DIR/examples/web"');
  }
});
