import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { describeStore } from "../contract/store.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { runMigration } from "./program.ts";
import { load, readUnderTest } from "./under-test.ts";

const { openStore } = await load<typeof import("../../src/store.ts")>(
  readUnderTest().service,
  "src/store.ts",
);
let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.drop());

test("an unmigrated database has no revision", async () => {
  const store = await openStore(database.url);
  assert.equal(await store.schemaRevision(), null);
  await store.close();
});

describeStore("store in PostgreSQL", async () => {
  await runMigration(database.url, "up");
  return openStore(database.url);
});
