import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHealth } from "../../src/health.ts";
import { openStore } from "../../src/store.ts";

test("tells the public address in production", async (context) => {
  const { env } = process;
  process.env = { ...env, NODE_ENV: "production", PUBLIC_URL: "https://links.example.org" };
  context.after(() => {
    process.env = env;
  });
  const store = await openStore("sqlite::memory:");
  assert.equal((await checkHealth(store, "3f2a91c")).body.address, "https://links.example.org/");
  await store.close();
});
