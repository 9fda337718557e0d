import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { schemaRevision } from "../../src/schema.ts";
import type { LinkStore } from "../../src/store.ts";

/** What every LinkStore promises. `open` gives an empty one whose schema is at the head. */
export function describeStore(name: string, open: () => Promise<LinkStore>): void {
  describe(name, () => {
    let store: LinkStore;
    before(async () => {
      store = await open();
    });
    after(() => store.close());

    const link = {
      code: "aaaaaaa",
      url: "https://example.org/a",
      createdAt: new Date("2026-01-02T03:04:05.678Z"),
    };

    test("gives back what was added", async () => {
      assert.equal(await store.add(link), true);
      assert.deepEqual(await store.find(link.code), { ...link, hits: 0 });
    });

    test("refuses a code that is taken and keeps the first address", async () => {
      assert.equal(await store.add({ ...link, url: "https://example.org/other" }), false);
      assert.equal((await store.find(link.code))?.url, link.url);
    });

    test("counts each hit, also when they come at once", async () => {
      const urls = await Promise.all(Array.from({ length: 20 }, () => store.follow(link.code)));
      assert.deepEqual(new Set(urls), new Set([link.url]));
      assert.equal((await store.find(link.code))?.hits, 20);
    });

    test("knows nothing of codes that were never added", async () => {
      assert.equal(await store.find("zzzzzzz"), undefined);
      assert.equal(await store.follow("zzzzzzz"), undefined);
    });

    test("lists the newest first, no more than asked for", async () => {
      for (const [index, code] of ["bbbbbbb", "ccccccc", "ddddddd"].entries()) {
        await store.add({ code, url: link.url, createdAt: new Date(link.createdAt.getTime() + index + 1) });
      }
      assert.deepEqual(
        (await store.latest(3)).map(({ code }) => code),
        ["ddddddd", "ccccccc", "bbbbbbb"],
      );
    });

    test("takes text literally", async () => {
      const url = "https://example.org/?q='; DROP TABLE links; --&ü=✓";
      await store.add({ code: "eeeeeee", url, createdAt: link.createdAt });
      assert.equal(await store.follow("eeeeeee"), url);
    });

    test("tells the schema's revision", async () => {
      assert.equal(await store.schemaRevision(), schemaRevision);
    });
  });
}
