// Black-box tests of a deployed environment, production included: they leave one marked link behind and change
// nothing else.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { markedAddress } from "./marked-address.ts";

const { SPILLWAY_URL: base, SPILLWAY_COMMIT: commit, CODEBUILD_BUILD_ID: build } = process.env;
if (!base) throw new Error("SPILLWAY_URL is not set; it must be the address of the environment to test.");
if (build && !commit) throw new Error("SPILLWAY_COMMIT is not set; a build must say which commit it tests.");

const LONGEST_ANSWER_MILLISECONDS = 10_000;

interface Link {
  readonly code: string;
  readonly url: string;
  readonly createdAt: string;
  readonly hits: number;
}

function ask(path: string, more: RequestInit = {}): Promise<Response> {
  const signal = AbortSignal.timeout(LONGEST_ANSWER_MILLISECONDS);
  return fetch(new URL(path, base), { redirect: "manual", signal, ...more });
}

const add = (body: string) => ask("/api/links", { method: "POST", body });

async function readJson<Body>(answer: Response): Promise<Body> {
  return JSON.parse(await answer.text());
}

test("is healthy, at the commit that was deployed", async () => {
  const answer = await ask("/health");
  const health = await readJson<{ status: string; commit: string; schema: string | null }>(answer);
  assert.deepEqual([answer.status, health.status], [200, "ok"]);
  assert.match(health.schema ?? "", /^\d{4}$/);
  if (commit) assert.equal(health.commit, commit);
});

describe("a link", () => {
  const address = markedAddress("end-to-end");
  let link: Link;

  test("is made", async () => {
    const made = await add(JSON.stringify({ url: address }));
    assert.equal(made.status, 201);
    link = await readJson(made);
    assert.equal(link.hits, 0);
    assert.equal(made.headers.get("location"), `/api/links/${link.code}`);
  });

  test("leads to exactly the address it was made for", async () => {
    const followed = await ask(`/${link.code}`);
    assert.deepEqual([followed.status, followed.headers.get("location")], [302, address]);
    assert.equal(followed.headers.get("cache-control"), "no-store");
  });

  test("counts that it was followed", async () => {
    const found = await readJson<Link>(await ask(`/api/links/${link.code}`));
    assert.equal(found.hits, 1);
  });

  test("is listed, unless so many newer ones are that it has no room", async () => {
    const { links } = await readJson<{ links: Link[] }>(await ask("/api/links"));
    const isListed = links.some(({ code }) => code === link.code);
    assert.ok(isListed || links.every(({ createdAt }) => createdAt >= link.createdAt));
  });
});

test("the front page shows the form and the commit", async () => {
  const page = await ask("/");
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const text = await page.text();
  assert.match(text, /<form method="post" action="\/links">/);
  if (commit) assert.ok(text.includes(commit));
});

test("what cannot become a link is refused with a reason, and changes nothing", async () => {
  for (const body of [
    "",
    "{",
    '{"url":7}',
    '{"url":"javascript:alert(1)"}',
    '{"url":"https://a:b@example.org/"}',
  ]) {
    const refused = await add(body);
    assert.equal(refused.status, 400, body);
    assert.equal(typeof (await readJson<{ error: unknown }>(refused)).error, "string");
  }
  assert.equal((await add(JSON.stringify({ url: `https://example.org/${"a".repeat(9_000)}` }))).status, 413);
});

test("what is not there is 404", async () => {
  for (const path of ["/aaaaaaa", "/api/links/aaaaaaa", "/favicon.ico", "/..%2f..%2fetc%2fpasswd"]) {
    assert.equal((await ask(path)).status, 404, path);
  }
});
