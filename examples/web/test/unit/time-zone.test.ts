import assert from "node:assert/strict";
import { test } from "node:test";
import { openStore } from "../../src/store.ts";

const zone = process.env.TZ;

// Node takes a zone that it does not know for UTC: a misspelt value of the matrix would test nothing.
test("the time zone of TZ is the one that is tested", { skip: zone === undefined && "TZ is not set" }, () => {
  const wanted = new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  assert.equal(Intl.DateTimeFormat().resolvedOptions().timeZone, wanted);
});

test("a link keeps its moment where the clocks stand still or run ahead, and the newest comes first", async () => {
  const store = await openStore("sqlite::memory:");
  // Half an hour apart across the change of Europe's and America's clocks: the later one shows the earlier time.
  const moments = ["2026-10-25T00:45:00.000Z", "2026-10-25T01:15:00.000Z", "2026-11-01T05:45:00.000Z"];
  for (const [index, moment] of moments.entries()) {
    await store.add({
      code: `${"abc"[index]}aaaaaa`,
      url: "https://example.org/",
      createdAt: new Date(moment),
    });
  }
  assert.deepEqual(
    (await store.latest(3)).map(({ createdAt }) => createdAt.toISOString()),
    moments.toReversed(),
  );
  await store.close();
});
