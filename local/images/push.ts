import { openAsBlob } from "node:fs";
import type { Clock } from "../asl/clock.ts";

/** An image whose parts are at hand: built here, or read from an archive. */
export interface PushableImage {
  /** Of the manifest: `sha256:…`. */
  readonly digest: string;
  readonly manifest: Uint8Array;
  readonly manifestMediaType: string;
  readonly config: Uint8Array;
  readonly configDigest: string;
  readonly layers: readonly { readonly digest: string; readonly path: string }[];
}

/** Where an image goes: `http://127.0.0.1:4566`, `web`, `3f2a91c`. */
export interface PushTarget {
  /** Scheme, host and port. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  /** As ECR's authorization token decodes: user `AWS` and a password. */
  readonly credentials?: { readonly user: string; readonly password: string };
}

/** The registry refused, or cannot be reached. The message says what was asked for and what the registry said. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  /** HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;
  /** Of the OCI distribution specification: "DENIED", "TAG_INVALID"; undefined if there is none. */
  readonly code: string | undefined;
  constructor(message: string, details: { status?: number; code?: string; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.code = details.code;
  }
}

/**
 * Pushes an image over the OCI distribution protocol
 * (https://github.com/opencontainers/distribution-spec/blob/main/spec.md): what the registry has is not sent again,
 * and the tag is written last, so that nobody sees half an image. Throws RegistryError.
 */
export async function pushImage(
  clock: Clock,
  image: PushableImage,
  target: PushTarget,
): Promise<{ digest: string; sentBytes: number }> {
  return clock.busy(push(image, target));
}

async function push(
  image: PushableImage,
  target: PushTarget,
): Promise<{ digest: string; sentBytes: number }> {
  const ask = createAsker(target);
  const blobs = [
    ...image.layers.map(({ digest, path }) => ({ digest, open: () => openAsBlob(path) })),
    { digest: image.configDigest, open: async () => new Blob([Buffer.from(image.config)]) },
  ];
  let sentBytes = 0;
  for (const { digest, open } of blobs) {
    const path = `/v2/${target.repository}/blobs`;
    const found = await ask("HEAD", `${path}/${digest}`, { expected: [200, 404] });
    if (found.status === 200) continue;
    const begun = await ask("POST", `${path}/uploads/`, { expected: [202] });
    const location = begun.headers.get("location");
    if (location === null)
      throw new RegistryError(`${target.registry} began an upload without saying where to.`);
    const place = new URL(location, target.registry);
    place.searchParams.set("digest", digest);
    const body = await open();
    await ask("PUT", place.href, { expected: [201], body, type: "application/octet-stream" });
    sentBytes += body.size;
  }
  const body = new Blob([Buffer.from(image.manifest)]);
  const path = `/v2/${target.repository}/manifests/${encodeURIComponent(target.tag)}`;
  const answer = await ask("PUT", path, { expected: [201], body, type: image.manifestMediaType });
  const stored = answer.headers.get("docker-content-digest");
  if (stored !== null && stored !== image.digest) {
    throw new RegistryError(`${target.registry} stored ${stored} where ${image.digest} was pushed.`);
  }
  return { digest: image.digest, sentBytes: sentBytes + body.size };
}

interface Question {
  readonly expected: readonly number[];
  readonly body?: Blob;
  readonly type?: string;
}

function createAsker(target: PushTarget) {
  const origin = new URL(target.registry).origin;
  return async (method: string, path: string, question: Question): Promise<Response> => {
    const url = new URL(path, origin);
    const headers = new Headers();
    if (question.type !== undefined) headers.set("content-type", question.type);
    // A registry may send uploads elsewhere; the password is for the registry only.
    if (target.credentials !== undefined && url.origin === origin) {
      const { user, password } = target.credentials;
      headers.set("authorization", `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`);
    }
    const what = `${method} ${url.pathname} at ${url.host}`;
    let answer: Response;
    try {
      answer = await fetch(url, {
        method,
        headers,
        ...(question.body === undefined ? {} : { body: question.body }),
      });
    } catch (cause) {
      throw new RegistryError(`${what} got no answer; check that the registry is running.`, { cause });
    }
    if (question.expected.includes(answer.status)) {
      // An answer whose body is left unread keeps its connection.
      await answer.arrayBuffer();
      return answer;
    }
    throw await readRefusal(answer, what);
  };
}

async function readRefusal(answer: Response, what: string): Promise<RegistryError> {
  const text = await answer.text();
  const { status } = answer;
  const { code, message } = readFirstError(text);
  const hint = status === 401 ? " Give credentials from ecr:GetAuthorizationToken." : "";
  const reason =
    [code, message].filter((part) => part !== undefined).join(": ") || text.slice(0, 200) || "nothing more";
  return new RegistryError(
    `${what} was answered with ${status}: ${reason}.${hint}`,
    code === undefined ? { status } : { status, code },
  );
}

function readFirstError(text: string): { code?: string; message?: string } {
  try {
    const body: { errors?: { code?: string; message?: string }[] } = JSON.parse(text);
    return body.errors?.[0] ?? {};
  } catch {
    return {};
  }
}
