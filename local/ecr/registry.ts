import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { registryDemands } from "../iam/demands/ecr.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import { mediaTypes } from "./manifest.ts";
import type { ImageStore } from "./store.ts";
import type { Admission, RegistryTokens } from "./tokens.ts";
import type { BlobUpload } from "./uploads.ts";

/** Where the gateway hands over to the registry. */
export const registryPrefix = "/v2/";
const largestManifestBytes = 4 * 1024 * 1024;

type Answer = { status: number; headers?: Record<string, string>; body?: string };
type Route = {
  method: string;
  path: RegExp;
  answer: (
    request: IncomingMessage,
    parts: string[],
    query: URLSearchParams,
    response: ServerResponse,
  ) => Promise<Answer | undefined>;
};

/** The OCI distribution protocol, as docker, skopeo and our own push speak it; a Node request listener. */
export function createRegistry(world: World, store: ImageStore, tokens: RegistryTokens) {
  const arnHere = (service: string, resource: string) => arn(world, service, resource);
  /** Uploads under way: a blob may come in several requests. */
  const uploads = new Map<string, BlobUpload>();
  const name = "([a-z0-9]+(?:[._/-][a-z0-9]+)*)";
  const at = (pattern: string) => new RegExp(`^/v2/${pattern}$`);

  const routes: Route[] = [
    { method: "GET", path: /^\/v2\/$/, answer: async () => ({ status: 200, body: "{}" }) },
    {
      method: "HEAD",
      path: at(`${name}/blobs/(sha256:[0-9a-f]{64})`),
      answer: (_, parts) => headBlob(parts),
    },
    {
      method: "GET",
      path: at(`${name}/blobs/(sha256:[0-9a-f]{64})`),
      answer: (_request, parts, _query, response) => sendBlob(parts, response),
    },
    {
      method: "POST",
      path: at(`${name}/blobs/uploads/?`),
      answer: (request, parts, query) => beginUpload(request, parts, query),
    },
    {
      method: "PATCH",
      path: at(`${name}/blobs/uploads/([0-9a-f-]+)`),
      answer: (request, parts) => continueUpload(request, parts),
    },
    {
      method: "PUT",
      path: at(`${name}/blobs/uploads/([0-9a-f-]+)`),
      answer: (request, parts, query) => endUpload(request, parts, query),
    },
    {
      method: "DELETE",
      path: at(`${name}/blobs/uploads/([0-9a-f-]+)`),
      answer: (_, parts) => dropUpload(parts),
    },
    {
      method: "HEAD",
      path: at(`${name}/manifests/([^/]+)`),
      answer: async (_, parts) => manifest(parts, false),
    },
    {
      method: "GET",
      path: at(`${name}/manifests/([^/]+)`),
      answer: async (_, parts) => manifest(parts, true),
    },
    {
      method: "PUT",
      path: at(`${name}/manifests/([^/]+)`),
      answer: (request, parts) => putManifest(request, parts),
    },
    {
      method: "GET",
      path: at(`${name}/tags/list`),
      answer: async (_, [repository = ""]) => ({
        status: 200,
        body: JSON.stringify({
          name: repository,
          tags: [...store.repository(repository).tags.keys()].toSorted(),
        }),
      }),
    },
  ];

  async function headBlob([repository = "", digest = ""]: string[]): Promise<Answer> {
    store.repository(repository);
    const size = await store.blobSize(digest);
    if (size === undefined) return failure(404, "BLOB_UNKNOWN", `${repository} has no blob ${digest}`);
    return { status: 200, headers: { "content-length": String(size), "docker-content-digest": digest } };
  }

  async function sendBlob(parts: string[], response: ServerResponse): Promise<Answer | undefined> {
    const head = await headBlob(parts);
    if (head.status !== 200) return head;
    response.writeHead(200, { ...head.headers, "content-type": "application/octet-stream" });
    await pipeline(store.streamBlob(parts[1] ?? ""), response);
    return undefined;
  }

  async function beginUpload(
    request: IncomingMessage,
    [repository = ""]: string[],
    query: URLSearchParams,
  ): Promise<Answer> {
    store.repository(repository);
    const mount = query.get("mount");
    if (mount !== null && (await store.blobSize(mount)) !== undefined) return created(repository, mount);
    const digest = query.get("digest");
    if (digest !== null) return created(repository, (await store.writeBlob(request, digest)).digest);
    const id = uuid(world.random);
    uploads.set(id, await store.openUpload());
    return accepted(repository, id, 0);
  }

  async function continueUpload(
    request: IncomingMessage,
    [repository = "", id = ""]: string[],
  ): Promise<Answer> {
    const upload = uploads.get(id);
    if (upload === undefined) return unknownUpload;
    return accepted(repository, id, await upload.append(request));
  }

  async function endUpload(
    request: IncomingMessage,
    [repository = "", id = ""]: string[],
    query: URLSearchParams,
  ): Promise<Answer> {
    const upload = uploads.get(id);
    const digest = query.get("digest");
    if (upload === undefined) return unknownUpload;
    if (digest === null)
      return failure(400, "DIGEST_INVALID", "the last request of an upload names its digest");
    uploads.delete(id);
    await upload.append(request);
    return created(repository, (await upload.keep(digest)).digest);
  }

  async function dropUpload([, id = ""]: string[]): Promise<Answer> {
    const upload = uploads.get(id);
    if (upload === undefined) return unknownUpload;
    uploads.delete(id);
    await upload.drop();
    return { status: 204 };
  }

  function manifest([repository = "", reference = ""]: string[], whole: boolean): Answer {
    const stored = store.find(repository, reference);
    if (stored === undefined)
      return failure(404, "MANIFEST_UNKNOWN", `${repository} has no manifest ${reference}`);
    const headers = {
      "content-type": stored.mediaType,
      "docker-content-digest": stored.digest,
      "content-length": String(Buffer.byteLength(stored.text)),
    };
    return { status: 200, headers, ...(whole ? { body: stored.text } : {}) };
  }

  async function putManifest(
    request: IncomingMessage,
    [repository = "", reference = ""]: string[],
  ): Promise<Answer> {
    const mediaType = request.headers["content-type"] ?? "";
    if (![...mediaTypes.manifests, ...mediaTypes.indexes].some((known) => known === mediaType))
      return failure(
        400,
        "MANIFEST_INVALID",
        `cannot keep a manifest of type ${mediaType.slice(0, 100) || "(none)"}`,
      );
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of request) {
      size += chunk.length;
      if (size > largestManifestBytes)
        return failure(413, "MANIFEST_INVALID", "a manifest has at most 4 MiB");
      chunks.push(chunk);
    }
    const text = decodeUtf8(Buffer.concat(chunks));
    if (text === undefined) return failure(400, "MANIFEST_INVALID", "a manifest is JSON in UTF-8");
    const byDigest = reference.startsWith("sha256:");
    const stored = await store.putManifest(repository, {
      text,
      mediaType,
      ...(byDigest ? { digest: reference } : { tag: reference }),
    });
    return {
      status: 201,
      headers: {
        location: `/v2/${repository}/manifests/${stored.digest}`,
        "docker-content-digest": stored.digest,
      },
    };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<Answer | undefined> {
    const url = new URL(request.url ?? "/", "http://registry");
    const admission = tokens.admit(request.headers.authorization);
    if (typeof admission === "string") return turnedAway(admission, world.endpoint());
    world.iam?.authorize(admission.caller, registryDemands(arnHere, request.method ?? "", url.pathname));
    for (const route of routes) {
      const match = route.method === request.method ? route.path.exec(url.pathname) : null;
      if (match !== null) return route.answer(request, match.slice(1), url.searchParams, response);
    }
    return failure(
      404,
      "UNSUPPORTED",
      `the registry does not serve ${request.method} ${url.pathname.slice(0, 200)}`,
    );
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    world.clock
      .busy(answer(request, response).catch(asFailure))
      .then((answered) => {
        if (answered === undefined) return;
        request.resume();
        response.writeHead(answered.status, {
          "docker-distribution-api-version": "registry/2.0",
          ...(answered.body === undefined ? {} : { "content-type": "application/json" }),
          ...answered.headers,
        });
        response.end(request.method === "HEAD" ? undefined : answered.body);
      })
      .catch(() => response.destroy());
  };
}

/** As ECR answers: 401 and how to log in to whom has no token or a wrong one, 403 to whose token has expired. */
function turnedAway(admission: Extract<Admission, string>, realm: string): Answer {
  if (admission === "expired")
    return failure(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.");
  const message =
    admission === "missing"
      ? "no basic auth credentials; log in as AWS with the password that aws ecr get-login-password prints"
      : "Not Authorized; get a new password with aws ecr get-login-password: an earlier run's is not good any more";
  return {
    ...failure(401, "UNAUTHORIZED", message),
    headers: { "www-authenticate": `Basic realm="${realm}/",service="ecr.amazonaws.com"` },
  };
}

const unknownUpload: Answer = failure(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function created(repository: string, digest: string): Answer {
  return {
    status: 201,
    headers: { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest },
  };
}

function accepted(repository: string, id: string, size: number): Answer {
  return {
    status: 202,
    headers: {
      location: `/v2/${repository}/blobs/uploads/${id}`,
      range: `0-${Math.max(size - 1, 0)}`,
      "docker-upload-uuid": id,
    },
  };
}

function failure(status: number, code: string, message: string): Answer {
  return { status, body: JSON.stringify({ errors: [{ code, message }] }) };
}

const codes: Readonly<Record<string, [number, string]>> = {
  AccessDeniedException: [403, "DENIED"],
  RepositoryNotFoundException: [404, "NAME_UNKNOWN"],
  ImageTagAlreadyExistsException: [400, "TAG_INVALID"],
  ImageDigestDoesNotMatchException: [400, "DIGEST_INVALID"],
  LayersNotFoundException: [400, "MANIFEST_BLOB_UNKNOWN"],
  InvalidParameterException: [400, "MANIFEST_INVALID"],
  DigestInvalid: [400, "DIGEST_INVALID"],
};

function asFailure(error: unknown): Answer {
  const [status, code] = (error instanceof AwsError ? codes[error.name] : undefined) ?? [500, "UNKNOWN"];
  return failure(status, code, error instanceof Error ? error.message : String(error));
}
