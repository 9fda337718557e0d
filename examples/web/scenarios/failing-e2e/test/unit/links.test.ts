import assert from "node:assert/strict";
import { test } from "node:test";
import { createCode, InvalidLinkError, isCode, parseTarget } from "../../src/links.ts";

test("brings addresses to their normal form", () => {
  assert.equal(parseTarget(" HTTPS://Example.org "), "https://example.org/");
  assert.equal(parseTarget("http://example.org/a?utm_source=letter#d"), "http://example.org/a#d");
});

for (const [value, reason] of [
  [undefined, "url"],
  [7, "url"],
  ["  ", "url"],
  ["example.org", "complete"],
  ["javascript:alert(1)", "http"],
  ["file:///etc/passwd", "http"],
  ["https://name:word@example.org/", "password"],
  [`https://example.org/${"a".repeat(2_000)}`, "longer"],
] as const) {
  test(`refuses ${JSON.stringify(value)?.slice(0, 40)}`, () => {
    assert.throws(
      () => parseTarget(value),
      (error) => error instanceof InvalidLinkError && error.message.includes(reason),
    );
  });
}

test("codes are recognised and differ", () => {
  const codes = Array.from({ length: 1_000 }, createCode);
  assert.ok(codes.every(isCode));
  assert.equal(new Set(codes).size, codes.length);
  for (const text of ["", "aaaaaa", "aaaaaaaa", "aaaaaa0", "../../x"]) assert.equal(isCode(text), false);
});
