import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lastLines } from "../../core/build.ts";
import { withLog } from "../../core/excerpt.ts";
import { hideSecrets } from "../../core/redaction.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/** Long enough not to occur in what is around it; as people choose them, with what a URL should not hold, too. */
const password = fc
  .tuple(
    fc.constantFrom(...letters),
    fc.string({ unit: fc.constantFrom(...letters, ..."0123456789-._~%!$&@:/?#,;=+*'"), minLength: 9 }),
  )
  .map(([first, rest]) => first + rest);
const scheme = fc.constantFrom("postgres", "postgresql", "jdbc:mysql", "redis", "amqps", "https");
const user = fc.constantFrom("web", "", "a-b_c", "postgres");
const words = fc.constantFrom("", "Error: cannot reach ", '{"url":"', "DATABASE_URL=", "(", "x=1&url=");
const form = fc.constantFrom<[string, (text: string) => string]>(
  ["plain", (text) => text],
  ["in JSON", (text) => JSON.stringify({ text })],
  ["with escaped slashes", (text) => text.replaceAll("/", "\\/")],
  ["in JSON in JSON", (text) => JSON.stringify(JSON.stringify({ text }))],
  ["encoded for a URL", encodeURIComponent],
  ["encoded for a URL twice", (text) => encodeURIComponent(encodeURIComponent(text))],
  ["in base64", base64],
  ["in base64url", (text) => Buffer.from(text).toString("base64url")],
  ["in base64 with something before it", (text) => base64(`url=${text}`)],
);

describe("what a program printed", () => {
  it("shows no password of a URL, in whatever form it was printed", () => {
    fc.assert(
      fc.property(
        password,
        scheme,
        user,
        words,
        form,
        fc.boolean(),
        (secret, kind, name, before, [, as], raw) => {
          const written = raw ? secret : encodeURIComponent(secret);
          const shown = hideSecrets(
            `${before}${as(`${kind}://${name}:${written}@db.internal:5432/web`)} failed`,
          );
          const pieces = secret.split(/[@/?#]/).filter(({ length }) => length > 6);
          for (const part of [...pieces, written, encodeURIComponent(written), as(written), base64(written)])
            expect(shown).not.toContain(part);
          expect(shown).toContain("***");
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("shows none either where the line was cut", () => {
    const secret = "Sup3r-secret";
    const line = `x${"-".repeat(170)} postgres://web:${secret}@db:5432/web`;
    for (const cut of [line, line.slice(0, 195), line.slice(0, line.indexOf("@"))])
      for (let length = 5; length <= secret.length; length++)
        expect(lastLines([cut]).join("")).not.toContain(secret.slice(0, length));
  });

  it("shows nothing that is named as a secret", () => {
    const value = fc.string({ unit: fc.constantFrom(...letters, ..."0123456789-._~!$"), minLength: 8 });
    const around = fc.constantFrom<(text: string) => string>(
      (text) => `PGPASSWORD=${text}`,
      (text) => `connect host=db user=web password=${text} sslmode=require`,
      (text) => JSON.stringify({ password: text }),
      (text) => JSON.stringify(JSON.stringify({ apiKey: text })),
      (text) => `{ secret: '${text}', port: 1 }`,
      (text) => `https://api.example.com/v1?access_token=${text}&x=1`,
      (text) => `AWS_SECRET_ACCESS_KEY=${text}`,
      (text) => `authorization: Bearer 1${text}`,
    );
    const wordy = /^(?:undefined|null|none|true|false|missing|required|expired|invalid|unexpected)\b/i;
    fc.assert(
      fc.property(value, around, (secret, as) => {
        fc.pre(!wordy.test(secret));
        expect(hideSecrets(as(secret))).not.toContain(secret);
      }),
    );
  });

  it.each([
    ["a random token", "key sk_live_4eC39HqLyjWDarjtT1zdp7dcA9bXe2 refused"],
    ["a line of a key", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"],
    ["a short password in base64", base64("password=hunter2")],
  ])("hides %s", (_what, line) => {
    expect(hideSecrets(line)).toContain("***");
    expect(hideSecrets(line)).not.toMatch(/4eC39|MIIEv|aHVudGVy/);
  });

  it.each([
    "npm error code ELIFECYCLE",
    "Error: connect ECONNREFUSED 127.0.0.1:5432",
    "listening on http://localhost:3000/health?mail=a@b.example",
    "GET http://[::1]:8080/ and mongodb://one:27017,two:27017/web",
    'password authentication failed for user "web"',
    "SyntaxError: Unexpected token: ) and token: undefined",
    "at Object.<anonymous> (/home/user/node_modules/Base64EncoderDecoderFactory2/index.js:10:5)",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "arn:aws:ecs:us-east-1:000000000000:task/spillway/0b1c2d3e4f5061728394a5b6c7d8e9f0",
    "git clone ssh://git@github.com/example/web.git at 4f3c9d1",
    "not ok 3 - Links2 redirectsVisitorsToTheirURLs",
  ])("leaves what helps: %s", (line) => expect(hideSecrets(line)).toBe(line));

  it("is read in time that grows with its length, whoever wrote it", () => {
    for (const piece of ["://a:", "%3A%2F%2Fa%3A", "password=", "Bearer ", "A1b", ":/", "\\", "%25"])
      expect(typeof hideSecrets(piece.repeat(100_000 / piece.length))).toBe("string");
  });
});

describe("the cause of a failure", () => {
  it("is hidden as the lines are", () => {
    const place = { group: "g", stream: "s" };
    const cause = withLog("refused postgres://web:s3cret@db/web", ["at postgres://web:s3cret@db/web"], place);
    expect(cause.split("\n").slice(0, 2)).toEqual([
      "refused postgres://web:***@db/web",
      "  at postgres://web:***@db/web",
    ]);
  });
});
