import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHealth } from "../../src/health.ts";
import { schemaRevision } from "../../src/schema.ts";
import { openStore } from "../../src/store.ts";

test("healthy on the schema it was built against", async () => {
  const store = await openStore("sqlite::memory:");
  assert.deepEqual(await checkHealth(store, "3f2a91c"), {
    httpStatus: 200,
    body: { status: "ok", commit: "3f2a91c", schema: schemaRevision },
  });
  await store.close();
});

test("healthy on a newer schema, behind on an older or empty one", async () => {
  const store = await openStore("sqlite::memory:");
  for (const [schema, httpStatus] of [
    ["9999", 200],
    ["0001", 503],
    [null, 503],
  ] as const) {
    const health = await checkHealth({ ...store, schemaRevision: async () => schema }, "3f2a91c");
    assert.deepEqual([health.httpStatus, health.body.schema], [httpStatus, schema]);
  }
  await store.close();
});

test("unavailable when the database does not answer", async () => {
  const store = await openStore("sqlite::memory:");
  await store.close();
  assert.deepEqual((await checkHealth(store, "3f2a91c")).body, {
    status: "unavailable",
    commit: "3f2a91c",
    schema: null,
    reason: "The database cannot be used (ERR_INVALID_STATE).",
  });
});
