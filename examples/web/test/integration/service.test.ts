import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { schemaRevision } from "../../src/schema.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { runMigration, startService } from "./program.ts";
import { readUnderTest } from "./under-test.ts";

describe("the service as a process over PostgreSQL", () => {
  let database: TestDatabase;
  let service: Awaited<ReturnType<typeof startService>>;
  before(async () => {
    database = await createTestDatabase();
    service = await startService(database.url);
  });
  after(async () => {
    await service.stop();
    await database.drop();
  });

  async function readHealth(): Promise<{
    httpStatus: number;
    status: string;
    schema: string | null;
    commit: string;
  }> {
    const answer = await fetch(`${service.base}/health`);
    return { httpStatus: answer.status, ...JSON.parse(await answer.text()) };
  }

  test("is behind until the database is migrated, then healthy without a restart", async () => {
    const before = await readHealth();
    assert.deepEqual([before.httpStatus, before.status, before.schema], [503, "behind", null]);
    await runMigration(database.url, "up");
    assert.deepEqual(await readHealth(), {
      httpStatus: 200,
      status: "ok",
      schema: schemaRevision,
      commit: readUnderTest().commit,
    });
  });

  test("shortens, lists, follows and counts", async () => {
    const made = await fetch(`${service.base}/api/links`, {
      method: "POST",
      body: JSON.stringify({ url: "https://example.org/a" }),
    });
    assert.equal(made.status, 201);
    const { code }: { code: string } = JSON.parse(await made.text());
    const followed = await fetch(`${service.base}/${code}`, { redirect: "manual" });
    assert.deepEqual([followed.status, followed.headers.get("location")], [302, "https://example.org/a"]);
    const found: { hits: number } = JSON.parse(
      await (await fetch(`${service.base}/api/links/${code}`)).text(),
    );
    assert.equal(found.hits, 1);
    assert.match(await (await fetch(service.base)).text(), new RegExp(code));
  });

  test("survives lost connections", async () => {
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'web' AND datname = current_database()",
    );
    await readHealth();
    assert.equal((await readHealth()).httpStatus, 200);
  });

  test("SIGTERM lets the request under way finish, then ends with 0", async () => {
    const own = await startService(database.url);
    const blocker = new pg.Client({ connectionString: database.url });
    await blocker.connect();
    await blocker.query("BEGIN; LOCK TABLE links");
    const slow = fetch(`${own.base}/api/links`);
    for (;;) {
      const waiting = await database.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'web' AND wait_event_type = 'Lock' AND datname = current_database()",
      );
      if (waiting.length > 0) break;
    }
    const stopped = own.stop();
    await blocker.end();
    assert.equal((await slow).status, 200);
    assert.deepEqual(await stopped, { code: 0, signal: null });
    assert.match(own.output.at(-1) ?? "", /"stopped"/);
  });
});

test("a service without a database setting says what is missing and ends", async () => {
  await assert.rejects(startService(""), /DATABASE_URL is not set/);
});

test("a service whose database is down is unavailable, not dead", async () => {
  const service = await startService("postgres://web:geheim@127.0.0.1:1/web");
  const answer = await fetch(`${service.base}/health`);
  assert.equal(answer.status, 503);
  assert.equal((await fetch(service.base)).status, 500);
  assert.equal((await service.stop()).code, 0);
  assert.doesNotMatch(service.output.join("\n"), /geheim/);
});
