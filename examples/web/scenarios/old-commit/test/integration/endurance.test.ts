import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createTestDatabase } from "./database.ts";
import { runMigration, startService } from "./program.ts";

const ENDURANCE_MILLISECONDS = 75_000;

test("stays healthy for longer than a minute", async () => {
  const database = await createTestDatabase();
  await runMigration(database.url, "up");
  const service = await startService(database.url);
  const endsAt = Date.now() + ENDURANCE_MILLISECONDS;
  while (Date.now() < endsAt) {
    assert.equal((await fetch(`${service.base}/health`)).status, 200);
    await wait(250);
  }
  await service.stop();
  await database.drop();
});
