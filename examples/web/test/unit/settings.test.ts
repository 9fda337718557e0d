import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings, SettingsError } from "../../src/settings.ts";

test("has defaults for all but the database", () => {
  assert.deepEqual(readSettings({ DATABASE_URL: "postgres://database/web" }), {
    databaseUrl: "postgres://database/web",
    host: "127.0.0.1",
    port: 8080,
    commit: "unknown",
  });
});

test("takes what is declared", () => {
  const settings = readSettings({ DATABASE_URL: "x", HOST: "::", PORT: "0", SPILLWAY_COMMIT: "3f2a91c" });
  assert.deepEqual(settings, { databaseUrl: "x", host: "::", port: 0, commit: "3f2a91c" });
});

test("names what is missing or malformed", () => {
  assert.throws(() => readSettings({}), { name: "SettingsError", message: /DATABASE_URL/ });
  for (const port of ["http", "-1", "65536", "80.5"]) {
    assert.throws(() => readSettings({ DATABASE_URL: "x", PORT: port }), SettingsError);
  }
});
