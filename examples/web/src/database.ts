import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";

/** How to reach PostgreSQL, as `pg` takes it. */
export interface PostgresConnection {
  /** Without settings of TLS, which `pg` would prefer to `ssl`. */
  readonly connectionString: string;
  /** false only where the URL says `sslmode=disable`. */
  readonly ssl: false | ConnectionOptions;
}

/** The settings of the database cannot be used. The message names the setting and what it should be, never its value. */
export class DatabaseSettingsError extends Error {
  override readonly name = "DatabaseSettingsError";
}

/** The server at the database's address could not prove that it is the one meant, or does not speak TLS. */
export class UntrustedDatabaseError extends Error {
  override readonly name = "UntrustedDatabaseError";
}

/**
 * Reads DATABASE_URL and DATABASE_CA. The server's certificate and name are verified unless the URL says
 * `sslmode=disable`; against `ca` (one or more certificates in PEM), else the file `sslrootcert` of the URL, else the
 * authorities that Node trusts. Throws DatabaseSettingsError.
 */
export function readConnection(databaseUrl: string, ca?: string): PostgresConnection {
  const url = URL.parse(databaseUrl);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new DatabaseSettingsError(
      "DATABASE_URL must be a postgres:// URL, or sqlite:FILE while developing.",
    );
  }
  const mode = url.searchParams.get("sslmode") ?? "verify-full";
  const caFile = url.searchParams.get("sslrootcert");
  for (const name of [...url.searchParams.keys()]) if (name.startsWith("ssl")) url.searchParams.delete(name);
  const connectionString = url.href;
  if (mode === "disable" && !ca) return { connectionString, ssl: false };
  if (mode !== "verify-full") {
    throw new DatabaseSettingsError(
      "sslmode in DATABASE_URL must be verify-full, or disable without a DATABASE_CA: the other modes do not check whom they speak to.",
    );
  }
  const authorities = ca
    ? checkAuthorities(ca, "DATABASE_CA")
    : caFile === null
      ? undefined
      : readFile(caFile);
  // An IP address must be named here: pg itself would have the certificate checked for "localhost".
  const ssl = { rejectUnauthorized: true, host: url.hostname };
  return { connectionString, ssl: authorities === undefined ? ssl : { ...ssl, ca: authorities } };
}

function readFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new DatabaseSettingsError("The file that sslrootcert in DATABASE_URL names cannot be read.", {
      cause,
    });
  }
  return checkAuthorities(text, "The file that sslrootcert in DATABASE_URL names");
}

/** Node passes over what is no certificate and then trusts nobody; better to say so at once. */
function checkAuthorities(text: string, what: string): string {
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  try {
    if (found.length === 0) throw new Error("no certificate in it");
    for (const one of found) new X509Certificate(one);
  } catch (cause) {
    throw new DatabaseSettingsError(
      `${what} must hold one or more certificates in PEM (-----BEGIN CERTIFICATE-----).`,
      {
        cause,
      },
    );
  }
  return text;
}

/**
 * What a failure to reach PostgreSQL means: an UntrustedDatabaseError if the server did not pass for the one meant
 * and trying again cannot help; undefined for anything else.
 */
export function untrusted(error: unknown): UntrustedDatabaseError | undefined {
  const code = codeOf(error) ?? "";
  if (/^(CERT_|ERR_TLS_CERT_|UNABLE_TO_(GET|VERIFY|DECODE))|SELF_SIGNED_CERT/.test(code)) {
    const remedy =
      code === "ERR_TLS_CERT_ALTNAME_INVALID"
        ? "It is made out to another host than DATABASE_URL names."
        : "Put the authority that signed it into DATABASE_CA.";
    return new UntrustedDatabaseError(`The database's certificate was refused (${code}). ${remedy}`, {
      cause: error,
    });
  }
  if (error instanceof Error && error.message.includes("does not support SSL")) {
    return new UntrustedDatabaseError(
      "The database does not speak TLS. Turn it on there; for one on this machine, add ?sslmode=disable to DATABASE_URL.",
      { cause: error },
    );
  }
  return undefined;
}

/** Why the database did not answer, in words without anything secret. */
export function describeFailure(error: unknown): string {
  const refused = untrusted(error);
  if (refused !== undefined) return refused.message;
  const code = codeOf(error);
  if (code !== undefined) return `The database cannot be used (${code}).`;
  const isLate = error instanceof Error && /timeout/i.test(error.message);
  return isLate ? "The database did not answer in time." : "The database cannot be used.";
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^\w+$/.test(error.code) ? error.code : undefined;
}
