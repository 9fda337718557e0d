import assert from "node:assert/strict";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { describeFailure, readConnection, untrusted } from "../../src/database.ts";

const [authority = ""] = rootCertificates;
const plain = "postgres://web:geheim@10.0.0.7:5432/web";
const failure = (code: string | undefined, message = "") => Object.assign(new Error(message), { code });

test("a server is verified unless the URL says otherwise, and an IP address by itself", () => {
  const ssl = { rejectUnauthorized: true, host: "10.0.0.7" };
  assert.deepEqual(readConnection(plain), { connectionString: plain, ssl });
  assert.deepEqual(readConnection(`${plain}?sslmode=verify-full`, authority), {
    connectionString: plain,
    ssl: { ...ssl, ca: authority },
  });
  assert.deepEqual(readConnection(`${plain}?sslmode=disable&options=x`), {
    connectionString: `${plain}?options=x`,
    ssl: false,
  });
});

test("what would connect to anybody, or trust nobody, is refused without showing the password", () => {
  for (const [url, ca, reason] of [
    [`${plain}?sslmode=require`, undefined, /verify-full/],
    [`${plain}?sslmode=disable`, authority, /without a DATABASE_CA/],
    [plain, "not a certificate", /DATABASE_CA must hold/],
    [plain, authority.replace(/[A-Za-z]{4}/g, "AAAA"), /DATABASE_CA must hold/],
    [`${plain}?sslrootcert=/does/not/exist.pem`, undefined, /cannot be read/],
    ["mysql://web:geheim@database/web", undefined, /postgres:/],
    ["geheim", undefined, /postgres:/],
  ] as const) {
    assert.throws(
      () => readConnection(url, ca),
      (error) =>
        error instanceof Error &&
        error.name === "DatabaseSettingsError" &&
        reason.test(error.message) &&
        !error.message.includes("geheim"),
    );
  }
});

test("a server that is not the one meant is told from one that is away", () => {
  for (const code of [
    "SELF_SIGNED_CERT_IN_CHAIN",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "CERT_HAS_EXPIRED",
  ]) {
    assert.match(untrusted(failure(code))?.message ?? "", /DATABASE_CA/);
  }
  assert.match(untrusted(failure("ERR_TLS_CERT_ALTNAME_INVALID"))?.message ?? "", /another host/);
  assert.match(untrusted(failure(undefined, "The server does not support SSL"))?.message ?? "", /TLS/);
  for (const code of ["ECONNREFUSED", "28P01", undefined]) assert.equal(untrusted(failure(code)), undefined);
});

test("a failure is described without its message, which might tell too much", () => {
  assert.equal(describeFailure(failure("28P01", "geheim")), "The database cannot be used (28P01).");
  assert.equal(
    describeFailure(failure(undefined, "Query read timeout")),
    "The database did not answer in time.",
  );
  assert.equal(describeFailure("geheim"), "The database cannot be used.");
});
