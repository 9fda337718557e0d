import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import { after, before, describe, test } from "node:test";
import type { Link } from "../../src/links.ts";
import { createLinkServer } from "../../src/server.ts";
import { type LinkStore, openStore } from "../../src/store.ts";

async function readJson<Body>(answer: Response): Promise<Body> {
  return JSON.parse(await answer.text());
}

describe("the service over SQLite", () => {
  let store: LinkStore;
  let server: Server;
  let base: string;

  before(async () => {
    store = await openStore("sqlite::memory:");
    server = createLinkServer(store, "3f2a91c").listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    base = `http://127.0.0.1:${address.port}`;
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await store.close();
  });

  const post = (path: string, body: string, type = "application/json") =>
    fetch(base + path, { method: "POST", body, headers: { "content-type": type }, redirect: "manual" });

  test("a link is made, found, followed and counted", async () => {
    const made = await post("/api/links", JSON.stringify({ url: "https://example.org/a#b" }));
    assert.equal(made.status, 201);
    const { code } = await readJson<{ code: string }>(made);
    const followed = await fetch(`${base}/${code}`, { redirect: "manual" });
    assert.deepEqual([followed.status, followed.headers.get("location")], [302, "https://example.org/a#b"]);
    const found = await readJson<Link>(await fetch(`${base}/api/links/${code}`));
    assert.deepEqual([found.url, found.hits], ["https://example.org/a#b", 1]);
    const { links } = await readJson<{ links: Link[] }>(await fetch(`${base}/api/links`));
    assert.equal(links[0]?.code, code);
  });

  test("the front page takes a form and shows addresses as text", async () => {
    const made = await post("/links", "url=https://example.org/<b>%26'", "application/x-www-form-urlencoded");
    assert.deepEqual([made.status, made.headers.get("location")], [303, "/"]);
    const page = await (await fetch(`${base}/`)).text();
    assert.match(page, /example\.org\/%3Cb%3E&amp;/);
    const refused = await post("/links", "url=<script>", "application/x-www-form-urlencoded");
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /role="alert"/);
  });

  test("bad input is refused with a reason", async () => {
    for (const body of ["", "{", "[]", "null", '{"url":7}', '{"url":"ftp://example.org"}']) {
      const refused = await post("/api/links", body);
      assert.equal(refused.status, 400, body);
      assert.equal(typeof (await readJson<{ error: unknown }>(refused)).error, "string");
    }
    assert.equal((await post("/api/links", `{"url":"${"a".repeat(9_000)}"}`)).status, 413);
  });

  test("what does not exist is 404, whatever the path", async () => {
    for (const path of ["/favicon.ico", "/aaaaaaa", "/api/links/aaaaaaa", "/..%2f..%2fetc", "//x"]) {
      assert.equal((await fetch(base + path, { redirect: "manual" })).status, 404, path);
    }
    assert.equal((await fetch(`${base}/health`, { method: "DELETE" })).status, 404);
  });

  test("HEAD answers like GET, without a body", async () => {
    const answer = await fetch(`${base}/health`, { method: "HEAD" });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "");
  });

  test("health names commit and schema", async () => {
    assert.deepEqual(await (await fetch(`${base}/health`)).json(), {
      status: "ok",
      commit: "3f2a91c",
      schema: await store.schemaRevision(),
    });
  });

  test("a failing store is a plain 500 that gives nothing away", async () => {
    const broken = await openStore("sqlite::memory:");
    await broken.close();
    const other = createLinkServer(broken, "3f2a91c").listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(typeof address === "object" && address !== null);
    const answer = await fetch(`http://127.0.0.1:${address.port}/`);
    assert.equal(answer.status, 500);
    assert.deepEqual(await answer.json(), { error: "Something went wrong on our side." });
    other.close();
    other.closeAllConnections();
  });
});
