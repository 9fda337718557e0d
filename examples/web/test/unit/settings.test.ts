import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings, SettingsError } from "../../src/settings.ts";

test("has defaults for all but the database", () => {
  assert.deepEqual(readSettings({ DATABASE_URL: "postgres://database/web" }), {
    databaseUrl: "postgres://database/web",
    databaseCa: undefined,
    host: "127.0.0.1",
    port: 8080,
    commit: "unknown",
  });
});

test("the development flavour needs no database", () => {
  assert.equal(readSettings({ NODE_ENV: "development" }).databaseUrl, "sqlite::memory:");
  assert.throws(() => readSettings({ NODE_ENV: "production" }), SettingsError);
});

test("takes what is declared", () => {
  const settings = readSettings({
    DATABASE_URL: "sqlite:x",
    HOST: "::",
    PORT: "0",
    SPILLWAY_COMMIT: "3f2a91c",
  });
  assert.deepEqual(settings, {
    databaseUrl: "sqlite:x",
    databaseCa: undefined,
    host: "::",
    port: 0,
    commit: "3f2a91c",
  });
});

test("names what is missing or malformed", () => {
  assert.throws(() => readSettings({}), { name: "SettingsError", message: /DATABASE_URL/ });
  assert.throws(() => readSettings({ DATABASE_URL: "postgres://database/web", DATABASE_CA: "x" }), {
    name: "SettingsError",
    message: /DATABASE_CA/,
  });
  for (const port of ["http", "-1", "65536", "80.5"]) {
    assert.throws(() => readSettings({ DATABASE_URL: "sqlite:x", PORT: port }), SettingsError);
  }
});
