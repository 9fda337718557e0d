import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { readRevisions } from "../../migrate/revisions.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { runMigration, startMigration } from "./program.ts";

const ids = (await readRevisions()).map(({ id }) => id);
const head = ids.at(-1) ?? "";

async function withDatabase(use: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  try {
    await use(database);
  } finally {
    await database.drop();
  }
}

describe("up, down and up again on one database", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  const describeSchema = () =>
    database.query(
      "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
    );
  let firstSchema: unknown;

  test("status of an empty database", async () => {
    const { code, report } = await runMigration(database.url, "status");
    assert.equal(code, 0);
    assert.deepEqual(report, {
      command: "status",
      before: null,
      after: null,
      applied: [],
      reverted: [],
      pending: ids,
    });
    assert.deepEqual(await describeSchema(), []);
  });

  test("up goes to the head and prints one line", async () => {
    const { code, report, lines } = await runMigration(database.url, "up");
    assert.deepEqual([code, lines], [0, 1]);
    assert.deepEqual(report, {
      command: "up",
      before: null,
      after: head,
      applied: ids,
      reverted: [],
      pending: [],
    });
    firstSchema = await describeSchema();
  });

  test("up again changes nothing", async () => {
    const { code, report } = await runMigration(database.url, "up");
    assert.deepEqual([code, report?.before, report?.after, report?.applied], [0, head, head, []]);
  });

  test("down goes back to the first revision, then to nothing", async () => {
    const first = await runMigration(database.url, "down", "--to", ids[0] ?? "");
    assert.deepEqual([first.code, first.report?.before, first.report?.after], [0, head, ids[0]]);
    assert.deepEqual(first.report?.reverted, ids.slice(1).reverse());
    const nothing = await runMigration(database.url, "down", "--to", "none");
    assert.deepEqual([nothing.code, nothing.report?.after], [0, null]);
    const again = await runMigration(database.url, "down", "--to", "none");
    assert.deepEqual([again.code, again.report?.reverted], [0, []]);
  });

  test("up once more gives the very same schema", async () => {
    assert.equal((await runMigration(database.url, "up")).code, 0);
    assert.deepEqual(await describeSchema(), firstSchema);
  });
});

test("two at once apply each revision once", () =>
  withDatabase(async (database) => {
    const both = await Promise.all([runMigration(database.url, "up"), runMigration(database.url, "up")]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
    );
    assert.deepEqual(both.flatMap(({ report }) => report?.applied ?? []).sort(), ids);
  }));

test("a failing revision leaves what was before it, and says so", () =>
  withDatabase(async (database) => {
    await runMigration(database.url, "up", "--to", "0001");
    await database.query("ALTER TABLE links ADD COLUMN hits text");
    const { code, report, errors } = await runMigration(database.url, "up");
    assert.equal(code, 1);
    assert.match(errors, /hits/);
    assert.deepEqual([report?.before, report?.after, report?.applied], ["0001", "0001", []]);
  }));

test("SIGTERM breaks off the revision under way and rolls it back", () =>
  withDatabase(async (database) => {
    await runMigration(database.url, "up", "--to", "0001");
    const blocker = new pg.Client({ connectionString: database.url });
    await blocker.connect();
    await blocker.query("BEGIN; LOCK TABLE links");
    const migration = startMigration(database.url, "up");
    for (;;) {
      const waiting = await database.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'web-migrate' AND wait_event_type = 'Lock'",
      );
      if (waiting.length > 0) break;
    }
    migration.stop();
    const { code, report } = await migration.ended;
    assert.equal(code, 143);
    assert.deepEqual([report?.before, report?.after], ["0001", "0001"]);
    await blocker.end();
    assert.equal((await runMigration(database.url, "up")).report?.after, head);
  }));

test("a database that cannot be reached is an error without a revision, and without its password", async () => {
  const { code, report, errors } = await runMigration("postgres://web:geheim@127.0.0.1:1/web", "up");
  assert.equal(code, 1);
  assert.deepEqual(report, { command: "up", applied: [], reverted: [], pending: [] });
  assert.doesNotMatch(errors, /geheim/);
});

test("wrong words are answered with the usage", async () => {
  for (const words of [[], ["down"], ["up", "--force"]]) {
    const { code, errors } = await runMigration("postgres://127.0.0.1:1/web", ...words);
    assert.equal(code, 2, words.join(" "));
    assert.match(errors, /Usage/);
  }
});
