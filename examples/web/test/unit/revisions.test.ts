import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { planSteps } from "../../migrate/migrator.ts";
import { readRevisions } from "../../migrate/revisions.ts";
import { schemaRevision } from "../../src/schema.ts";

const project = join(import.meta.dirname, "../..");

async function readLabel(dockerfile: string, label: string): Promise<string | undefined> {
  const text = await readFile(join(project, dockerfile), "utf8");
  return new RegExp(`${label.replaceAll(".", "\\.")}="([^"]*)"`).exec(text)?.[1];
}

test("code, migrations and the labels of both images agree on the schema", async () => {
  const ids = (await readRevisions()).map(({ id }) => id);
  assert.equal(schemaRevision, ids.at(-1));
  assert.equal(await readLabel("Dockerfile", "dev.spillway.schema"), schemaRevision);
  assert.equal(await readLabel("Dockerfile.migrate", "dev.spillway.schema"), schemaRevision);
  assert.equal(await readLabel("Dockerfile.migrate", "dev.spillway.schema.history"), ids.join(","));
  const readableFrom = await readLabel("Dockerfile.migrate", "dev.spillway.schema.readable-from");
  assert.ok(readableFrom !== undefined && ids.includes(readableFrom));
});

describe("a folder of migrations", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "revisions-"));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [name, files] of [
    ["a stray name", ["0001-a.up.sql", "0001-a.down.sql", "notes.txt"]],
    ["a missing way back", ["0001-a.up.sql"]],
    ["a double number", ["0001-a.up.sql", "0001-a.down.sql", "0001-b.up.sql"]],
  ] as const) {
    test(`is refused for ${name}`, async () => {
      const own = await mkdtemp(join(folder, "case-"));
      for (const file of files) await writeFile(join(own, file), "");
      await assert.rejects(readRevisions(own), { name: "RevisionsError" });
    });
  }
});

test("a revision says whether it is for PostgreSQL only", async () => {
  const folder = await mkdtemp(join(tmpdir(), "revisions-"));
  for (const [name, text] of [
    ["0001-a.up.sql", "CREATE TABLE a (b text);"],
    ["0001-a.down.sql", "DROP TABLE a;"],
    ["0002-b.up.sql", "-- PostgreSQL only: SQLite has no roles.\nCREATE ROLE b;"],
    ["0002-b.down.sql", "DROP ROLE b;"],
  ] as const) {
    await writeFile(join(folder, name), text);
  }
  assert.deepEqual(
    (await readRevisions(folder)).map(({ isForPostgresOnly }) => isForPostgresOnly),
    [false, true],
  );
  await rm(folder, { recursive: true });
});

describe("planning", () => {
  const revisions = ["0001", "0002", "0003"].map((id) => ({
    id,
    up: "",
    down: "",
    isForPostgresOnly: false,
  }));
  const plan = (current: string | null, command: Parameters<typeof planSteps>[2]) =>
    planSteps(revisions, current, command).map(({ direction, revision }) => `${direction} ${revision.id}`);

  test("up goes to the head, or as far as asked", () => {
    assert.deepEqual(plan(null, { command: "up" }), ["up 0001", "up 0002", "up 0003"]);
    assert.deepEqual(plan("0001", { command: "up", to: "0002" }), ["up 0002"]);
  });

  test("up has nothing to do on a schema that is there or ahead", () => {
    assert.deepEqual(plan("0003", { command: "up" }), []);
    assert.deepEqual(plan("0009", { command: "up" }), []);
  });

  test("down goes back one by one, to nothing if asked", () => {
    assert.deepEqual(plan("0003", { command: "down", to: "0001" }), ["down 0003", "down 0002"]);
    assert.deepEqual(plan("0002", { command: "down", to: null }), ["down 0002", "down 0001"]);
    assert.deepEqual(plan("0001", { command: "down", to: "0001" }), []);
  });

  test("what cannot be done is refused before anything moves", () => {
    assert.throws(() => plan("0001", { command: "down", to: "0002" }), { name: "MigrationError" });
    assert.throws(() => plan("0009", { command: "down", to: "0001" }), { name: "MigrationError" });
    assert.throws(() => plan("0001", { command: "up", to: "0004" }), { name: "MigrationError" });
  });
});
