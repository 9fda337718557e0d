import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetchImage } from "../../examples/web/test/integration/image.ts";
import { provideUnderTest } from "../../examples/web/test/integration/under-test.ts";
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
import { example } from "./example.ts";

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

function registryUrl(): string {
  const address = registry.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

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
  await pushImage(clock, image, {
    registry: registryUrl(),
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

describe("the integration tests' own way to an image", () => {
  const fetchFrom = (reference: string, token: string) =>
    fetchImage(reference, join(folder, "fetched"), { token, endpoint: registryUrl() });

  test("gives the files, program and labels of exactly this digest", async () => {
    const reference = await release(example, "Dockerfile", "web");
    const image = await fetchFrom(reference, credentialsOf(tokens).password);
    for (const path of ["src/main.ts", "migrations/0001-links.up.sql"]) {
      expect(await readFile(join(image.folder, path), "utf8")).toBe(
        await readFile(join(example, path), "utf8"),
      );
    }
    expect(await readdir(join(image.folder, "node_modules"))).toContain("pg");
    expect([image.entrypoint, image.environment.SPILLWAY_COMMIT]).toEqual([["node", "src/main.ts"], commit]);
    expect(image.labels["org.opencontainers.image.revision"]).toBe(commit);
  }, 60_000);

  test("fails where it cannot have it, and never takes something else", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const { password } = credentialsOf(tokens);
    for (const [reference, token, reason] of [
      ["registry/web:3f2a91c", password, /no image by digest/],
      [`registry/web@${digest}`, password, /answered 404/],
      [`registry/web@${digest}`, "wrong", /answered 401/],
    ] as const) {
      await expect(fetchFrom(reference, token)).rejects.toThrow(reason);
    }
    await expect(provideUnderTest({ CODEBUILD_BUILD_ID: "web:1" })).rejects.toThrow(/SPILLWAY_IMAGE/);
    await expect(provideUnderTest({ SPILLWAY_IMAGE: `registry/web@${digest}` })).rejects.toThrow(
      /must both be set/,
    );
  });
});
