import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { schemaRevision } from "../../src/schema.ts";
import { openStore } from "../../src/store.ts";
import { describeStore } from "../contract/store.ts";

describeStore("store in SQLite", () => openStore("sqlite::memory:"));

test("an empty file gets its schema once, also when two open it at once, and keeps what is in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "store-"));
  const url = `sqlite:${join(folder, "web.sqlite")}`;
  await writeFile(join(folder, "web.sqlite"), "");
  const [first, second] = await Promise.all([openStore(url), openStore(url)]);
  const link = { code: "aaaaaaa", url: "https://example.org/", createdAt: new Date() };
  assert.equal(await first.add(link), true);
  assert.equal(await second.schemaRevision(), schemaRevision);
  await first.close();
  await second.close();
  const again = await openStore(url);
  assert.equal((await again.find(link.code))?.url, link.url);
  await again.close();
  await rm(folder, { recursive: true });
});
