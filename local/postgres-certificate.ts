import { X509Certificate } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generate } from "selfsigned";
import type { Clock } from "./asl/clock.ts";

/** What a server shows and what its clients trust, as files. */
export interface ServerCertificate {
  /** The authority that signed it, in PEM: what a client needs in order to verify the server. */
  readonly ca: string;
  readonly caFile: string;
  readonly certificateFile: string;
  /** Readable for its owner only. */
  readonly keyFile: string;
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1_000;
const VALIDITY_DAYS = 365;
const RENEWAL_DAYS = 30;

/**
 * A certificate for 127.0.0.1 and localhost in `folder`, signed by an authority of its own whose key is thrown away.
 * What an earlier run left there is used again, as long as it is valid for another month: clients keep their trust.
 */
export async function keepServerCertificate(folder: string, clock: Clock): Promise<ServerCertificate> {
  const files = {
    caFile: join(folder, "ca.pem"),
    certificateFile: join(folder, "server.pem"),
    keyFile: join(folder, "server.key"),
  };
  const kept = await readKept(files, clock.now());
  if (kept !== undefined) return { ca: kept, ...files };
  const { ca, certificate, key } = await createCertificate(clock.now());
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await writeFile(files.keyFile, key, { mode: 0o600 });
  await writeFile(files.certificateFile, certificate);
  // Written last: an interrupted start leaves nothing that could be taken for a whole certificate.
  await writeFile(files.caFile, ca);
  return { ca, ...files };
}

async function readKept(files: Omit<ServerCertificate, "ca">, now: number): Promise<string | undefined> {
  try {
    const [ca, certificate] = await Promise.all([
      readFile(files.caFile, "utf8"),
      readFile(files.certificateFile, "utf8"),
      readFile(files.keyFile),
    ]);
    const server = new X509Certificate(certificate);
    const isSigned = server.verify(new X509Certificate(ca).publicKey);
    const isFresh = server.validToDate.getTime() > now + RENEWAL_DAYS * DAY_MILLISECONDS;
    return isSigned && isFresh ? ca : undefined;
  } catch {
    // Missing or spoilt: made anew.
    return undefined;
  }
}

async function createCertificate(now: number): Promise<{ ca: string; certificate: string; key: string }> {
  const shape = {
    keyType: "ec",
    algorithm: "sha256",
    // A day back: clocks of virtual machines that woke up a moment ago lag behind.
    notBeforeDate: new Date(now - DAY_MILLISECONDS),
    notAfterDate: new Date(now + VALIDITY_DAYS * DAY_MILLISECONDS),
  } as const;
  const authority = await generate([{ name: "commonName", value: "Spillway local databases" }], {
    ...shape,
    extensions: [
      { name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: "commonName", value: "localhost" }], {
    ...shape,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  return { ca: authority.cert, certificate: server.cert, key: server.private };
}
