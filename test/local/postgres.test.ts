import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { type Postgres, type PostgresOptions, startPostgres } from "../../local/postgres.ts";
import { keepServerCertificate } from "../../local/postgres-certificate.ts";
import type { DatabaseAccess } from "../../local/postgres-databases.ts";
import { findServerOf } from "../../local/postgres-orphan.ts";

const clock = createRealClock();
let folder: string;
const running: Postgres[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-postgres-"));
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(more: Partial<PostgresOptions> = {}): Promise<Postgres> {
  const server = await startPostgres({ folder, clock, ...more });
  running.push(server);
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** As a service connects: with the authority at hand instead of in a file. */
async function queryWith(
  { url, ca }: DatabaseAccess,
  sql: string,
  host = "127.0.0.1",
): Promise<Record<string, unknown>[]> {
  const connectionString = url.replace("?sslmode=verify-full", "");
  const client = new pg.Client({ connectionString, ssl: { ca, host } });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function stopFirst(): Promise<void> {
  await running.shift()?.stop();
}

describe("a server", () => {
  test("starts, holds databases, asks for its password and leaves nothing running", async () => {
    const server = await start();
    await server.createDatabase("staging-web");
    await server.createDatabase("staging-web");
    expect(await query(server.url("staging-web"), "SELECT current_database() AS name")).toEqual([
      { name: "staging-web" },
    ]);
    await expect(query(server.url("staging-web").replace(/:[^:@]+@/, ":wrong@"), "SELECT 1")).rejects.toThrow(
      /password/,
    );
    for (const name of ['x"; DROP', "postgres", "template1"])
      await expect(server.createDatabase(name)).rejects.toMatchObject({ name: "PostgresError" });
    const found = await findServerOf(join(folder, "data"));
    expect(found?.parentId).toBe(process.pid);
    await stopFirst();
    expect(await findServerOf(join(folder, "data"))).toBeUndefined();
    await expect(query(server.url("postgres"), "SELECT 1")).rejects.toThrow(/ECONNREFUSED/);
  });

  test("keeps its data, and ends with clients still connected", async () => {
    const first = await start();
    const client = new pg.Client({ connectionString: first.url("postgres") });
    // It will be cut off; that is the point.
    client.on("error", () => undefined);
    await client.connect();
    await client.query("CREATE TABLE kept (a int)");
    await stopFirst();
    const second = await start();
    expect(await query(second.url("postgres"), "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 0 }]);
  });

  test("does not share its folder with a living run", async () => {
    await start();
    await expect(startPostgres({ folder, clock })).rejects.toMatchObject({
      name: "PostgresError",
      message: expect.stringContaining(String(process.pid)),
    });
  });

  test("says so when the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await expect(startPostgres({ folder, clock, port })).rejects.toMatchObject({
      name: "PostgresError",
      message: expect.stringContaining(`Port ${port} is in use`),
    });
    other.close();
  });
});

describe("the databases of environments", () => {
  test("each has a role of its own, which owns it and enters no other", async () => {
    const server = await start();
    const staging = await server.createDatabase("web_staging");
    const production = await server.createDatabase("web_production");
    expect(
      await queryWith(
        staging,
        "SELECT current_user::text AS name, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      ),
    ).toEqual([{ name: "web_staging", ssl: true }]);
    await queryWith(staging, "CREATE TABLE mine (a int)");
    const elsewhere = { ...staging, url: staging.url.replace("/web_staging?", "/web_production?") };
    await expect(queryWith(elsewhere, "SELECT 1")).rejects.toThrow(/permission denied for database/);
    await expect(queryWith(production, "CREATE ROLE other")).rejects.toThrow(/permission denied/);
  });

  test("are reached over TLS only, and only by who trusts the right authority and asks for the right host", async () => {
    const server = await start();
    const { url, ca } = await server.createDatabase("web");
    await expect(query(url.replace("sslmode=verify-full", "sslmode=disable"), "SELECT 1")).rejects.toThrow(
      /rejects connection|no encryption/,
    );
    await expect(query(url, "SELECT 1")).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE/),
    });
    expect(await queryWith({ url: url.replace("127.0.0.1", "localhost"), ca }, "SELECT 1 AS one")).toEqual([
      { one: 1 },
    ]);
    const { ca: other } = await keepServerCertificate(join(folder, "other"), clock);
    await expect(queryWith({ url, ca: other }, "SELECT 1")).rejects.toThrow(/certificate/);
    await expect(queryWith({ url, ca }, "SELECT 1", "database.example.org")).rejects.toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  test("keep role, password and authority when the server starts again", async () => {
    const first = await (await start()).createDatabase("web");
    await stopFirst();
    const second = await (await start()).createDatabase("web");
    expect({ ...second, url: new URL(second.url).password }).toEqual({
      ...first,
      url: new URL(first.url).password,
    });
  });

  test("a certificate that ends within a month is made anew", async () => {
    const tls = join(folder, "tls");
    const longAgo = { ...clock, now: () => clock.now() - 340 * 24 * 60 * 60 * 1_000 };
    const { ca: ending } = await keepServerCertificate(tls, longAgo);
    const { ca: fresh } = await keepServerCertificate(tls, clock);
    expect(fresh).not.toBe(ending);
    expect((await keepServerCertificate(tls, clock)).ca).toBe(fresh);
  });
});

describe("what an earlier run left behind", () => {
  test("a half-made folder is made afresh", async () => {
    await writeFile(join(folder, "password"), "old");
    await start();
    expect(await readFile(join(folder, "password"), "utf8")).not.toBe("old");
  });

  test("a file naming a process that is another program by now is ignored", async () => {
    await start();
    await stopFirst();
    await writeFile(join(folder, "data", "postmaster.pid"), `${process.pid}\n${join(folder, "data")}\n`);
    const server = await start();
    expect(await query(server.url("postgres"), "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("the server of a killed run is ended and its data used again", async () => {
    const killed = await startInProcess(folder);
    await query(killed.url, "CREATE TABLE kept (a int)");
    const orphan = await findServerOf(join(folder, "data"));
    // All at once, as when a machine runs out of memory: nothing is left that could end the server.
    killed.child.kill("SIGSTOP");
    process.kill(killed.guardian, "SIGKILL");
    killed.child.kill("SIGKILL");
    await once(killed.child, "exit");
    const lines: string[] = [];
    const server = await start({ onLine: (line) => lines.push(line) });
    expect(lines.join("\n")).toContain(`Ending PostgreSQL ${orphan?.id}`);
    expect(await query(server.url("postgres"), "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 0 }]);
  });
});

/** Starts PostgreSQL from another Node process, which can be killed. */
async function startInProcess(own: string): Promise<{ child: ChildProcess; url: string; guardian: number }> {
  const program = `
    import { createRealClock } from ${JSON.stringify(import.meta.resolve("../../local/asl/real-clock.ts"))};
    import { startPostgres } from ${JSON.stringify(import.meta.resolve("../../local/postgres.ts"))};
    import { guardianId } from ${JSON.stringify(import.meta.resolve("../../local/process.ts"))};
    const server = await startPostgres({ folder: ${JSON.stringify(own)}, clock: createRealClock() });
    console.log(server.url("postgres") + " " + guardianId());
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const [url = "", guardian] = String(line).split(" ");
  return { child, url, guardian: Number(guardian) };
}
