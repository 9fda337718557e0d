import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  GetDownloadUrlForLayerCommand,
  type ImageIdentifier,
  ListImagesCommand,
  UpdateImageStorageClassCommand,
} from "@aws-sdk/client-ecr";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRealClock, createVirtualClock } from "../../local/asl/index.ts";
import { createLayerDoor } from "../../local/ecr/layer-door.ts";
import { createRegistry, registryPrefix } from "../../local/ecr/registry.ts";
import { createEcr } from "../../local/ecr/service.ts";
import { createImageStore, type ImageStore } from "../../local/ecr/store.ts";
import { createRegistryTokens } from "../../local/ecr/tokens.ts";
import { createGateway } from "../../local/gateway.ts";
import { type ListeningGateway, listen } from "../../local/http.ts";
import { administratorOf } from "../../local/iam/caller.ts";
import type { ServiceEvent, World } from "../../local/world.ts";
import { imageOf } from "../simulation/image.ts";

let folder: string;
let world: World;
let store: ImageStore;
let gateway: ListeningGateway;
let client: ECRClient;
let events: ServiceEvent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-ecr-"));
  events = [];
  const clock = createRealClock();
  world = {
    clock,
    random: Math.random,
    accountId: "000000000000",
    region: "us-east-1",
    endpoint: () => gateway.url,
    folder,
    emit: (event) => events.push(event),
  };
  store = await createImageStore(world);
  await store.createRepository("web", true);
  const tokens = createRegistryTokens(world);
  const routes = [{ prefix: registryPrefix, listener: createRegistry(world, store, tokens) }];
  gateway = await listen(
    createGateway([createEcr(world, store, tokens)], {
      clock,
      random: Math.random,
      doors: [createLayerDoor(store)],
      routes,
    }),
    { port: 0 },
  );
  client = new ECRClient({
    region: "us-east-1",
    endpoint: gateway.url,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
});
afterEach(async () => {
  client.destroy();
  await gateway.close();
  await rm(folder, { recursive: true, force: true });
});

/** Speaks the registry's protocol with the token that ECR gives. */
async function registry(path: string, init: RequestInit = {}) {
  const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
  return fetch(`${gateway.url}/v2/${path}`, {
    ...init,
    headers: { authorization: `Basic ${authorizationData?.[0]?.authorizationToken}`, ...init.headers },
  });
}

async function push(tag: string, labels: Record<string, string>) {
  const { blob, manifest, digest } = imageOf(labels);
  const config = JSON.parse(manifest).config.digest;
  const begun = await registry("web/blobs/uploads/", { method: "POST" });
  expect(begun.status).toBe(202);
  const location = begun.headers.get("location")?.replace("/v2/", "") ?? "";
  await registry(location, { method: "PATCH", body: blob.slice(0, 10) });
  expect(
    (await registry(`${location}?digest=${config}`, { method: "PUT", body: blob.slice(10) })).status,
  ).toBe(201);
  const answer = await registry(`web/manifests/${tag}`, {
    method: "PUT",
    body: manifest,
    headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
  });
  return { answer, digest, config };
}

describe("ECR", () => {
  it("takes a push in chunks, tells of it as AWS does, and shows it through its API", async () => {
    const { answer, digest, config } = await push("v1", { a: "1" });
    expect([answer.status, answer.headers.get("docker-content-digest")]).toEqual([201, digest]);
    expect(events).toMatchObject([
      {
        source: "aws.ecr",
        "detail-type": "ECR Image Action",
        resources: [],
        detail: {
          "action-type": "PUSH",
          result: "SUCCESS",
          "repository-name": "web",
          "image-tag": "v1",
          "image-digest": digest,
          "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
        },
      },
    ]);
    const { imageDetails } = await client.send(
      new DescribeImagesCommand({ repositoryName: "web", imageIds: [{ imageTag: "v1" }] }),
    );
    expect(imageDetails?.[0]).toMatchObject({
      imageDigest: digest,
      imageTags: ["v1"],
      imagePushedAt: expect.any(Date),
    });
    const { downloadUrl } = await client.send(
      new GetDownloadUrlForLayerCommand({ repositoryName: "web", layerDigest: config }),
    );
    expect(await (await fetch(downloadUrl ?? "")).json()).toMatchObject({ config: { Labels: { a: "1" } } });
  });

  it("gives an untagged push an empty tag, as real events have", async () => {
    const { digest } = imageOf({ b: "2" });
    await push("v1", { a: "1" });
    events.length = 0;
    await push(digest, { b: "2" });
    expect(events[0]?.detail).toMatchObject({ "image-tag": "", "image-digest": digest });
  });

  it("does not move an immutable tag", async () => {
    await push("v1", { a: "1" });
    const { answer } = await push("v1", { a: "2" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ code: "TAG_INVALID" }] });
    expect(events).toHaveLength(1);
  });

  it("refuses who has no token, a manifest of blobs that are not here, and content of another digest", async () => {
    const stranger = await fetch(`${gateway.url}/v2/`);
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get("www-authenticate")).toBe(
      `Basic realm="${gateway.url}/",service="ecr.amazonaws.com"`,
    );
    const forger = Buffer.from("AWS:eyJleHBpcmVzQXQiOjllOTl9.c2lnbmF0dXJl").toString("base64");
    expect((await registry("web/tags/list", { headers: { authorization: `Basic ${forger}` } })).status).toBe(
      401,
    );
    const { manifest } = imageOf({ c: "3" });
    const early = await registry("web/manifests/v9", {
      method: "PUT",
      body: manifest,
      headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
    });
    expect(await early.json()).toMatchObject({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN" }] });
    const wrong = await registry(`web/blobs/uploads/?digest=sha256:${"0".repeat(64)}`, {
      method: "POST",
      body: "content",
    });
    expect(await wrong.json()).toMatchObject({ errors: [{ code: "DIGEST_INVALID" }] });
    expect((await registry("nope/tags/list")).status).toBe(404);
  });

  it("keeps nothing of a push that is not what it says, and tells nobody of it", async () => {
    const { blob, manifest, digest } = imageOf({ d: "4" });
    const config = JSON.parse(manifest).config.digest;
    expect(
      (await registry(`web/blobs/uploads/?digest=${config}`, { method: "POST", body: blob })).status,
    ).toBe(201);
    const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
    const put = async (reference: string, body: string | Uint8Array<ArrayBuffer> = manifest) => {
      const answer = await registry(`web/manifests/${reference}`, { method: "PUT", headers, body });
      const said: { errors: { code: string }[] } = JSON.parse(await answer.text());
      return [answer.status, said.errors[0]?.code];
    };
    expect(await put(`sha256:${"0".repeat(64)}`)).toEqual([400, "DIGEST_INVALID"]);
    expect(await put("sha256:../../../etc/passwd")).toEqual([404, "UNSUPPORTED"]);
    for (const tag of ["-a", "%1b%5b2J", "%2e%2e%2fup", "a".repeat(129), "a@b"])
      expect(await put(tag), tag).toEqual([400, "MANIFEST_INVALID"]);
    expect(await put("v1", new Uint8Array([0x7b, 0xff, 0x7d]))).toEqual([400, "MANIFEST_INVALID"]);
    expect(await put("v1", '{"layers":[]}')).toEqual([400, "MANIFEST_INVALID"]);
    expect(store.repository("web").manifests.size).toBe(0);
    expect(store.find("web", digest)).toBeUndefined();
    expect(events).toEqual([]);
  });

  it("takes no path for a name, a digest or an upload, and leaves nothing of what was broken off", async () => {
    const blobs = join(folder, "images/blobs");
    for (const path of [
      "../../../etc/passwd/manifests/x",
      "web/blobs/sha256:..%2f..%2frepositories.json",
      "web/blobs/..%2f..%2frepositories.json",
      "web/blobs/uploads/..%2f..%2fx",
    ])
      expect((await registry(path)).status, path).toBe(404);
    for (const digest of ["sha256:../x", "../../x", "", "sha512:00", `sha256:${"g".repeat(64)}`]) {
      const query = `digest=${encodeURIComponent(digest)}`;
      const answer = await registry(`web/blobs/uploads/?${query}`, { method: "POST", body: "x" });
      expect([400, 202], digest).toContain(answer.status);
    }
    const begun = await registry("web/blobs/uploads/", { method: "POST" });
    const location = begun.headers.get("location")?.replace("/v2/", "") ?? "";
    await registry(location, { method: "PATCH", body: "a part" });
    const wrong = await registry(`${location}?digest=sha256:${"0".repeat(64)}`, { method: "PUT" });
    expect(await wrong.json()).toMatchObject({ errors: [{ code: "DIGEST_INVALID" }] });
    const other = await registry("web/blobs/uploads/", { method: "POST" });
    const dropped = other.headers.get("location")?.replace("/v2/", "") ?? "";
    expect((await registry(dropped, { method: "DELETE" })).status).toBe(204);
    expect((await registry(dropped, { method: "DELETE" })).status).toBe(404);
    // One was begun with an empty digest, and only a kill ends it.
    await createImageStore(world);
    expect(await readdir(blobs)).toEqual([]);
  });

  it("gives tokens that last twelve hours and says when one has expired", async () => {
    const virtual = createVirtualClock();
    const tokens = createRegistryTokens({ clock: virtual, random: Math.random });
    const { token, expiresAt } = tokens.give(administratorOf("000000000000"));
    expect(expiresAt.getTime()).toBe(virtual.now() + 12 * 3_600_000);
    expect(tokens.admit(`Basic ${token}`)).toEqual({ caller: administratorOf("000000000000") });
    await virtual.advance(12 * 3_600_000 + 1);
    expect(tokens.admit(`Basic ${token}`)).toBe("expired");
    const late = await listen(
      createGateway([], {
        clock: virtual,
        random: Math.random,
        routes: [
          { prefix: registryPrefix, listener: createRegistry({ ...world, clock: virtual }, store, tokens) },
        ],
      }),
      { port: 0 },
    );
    const answer = await fetch(`${late.url}/v2/`, { headers: { authorization: `Basic ${token}` } });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      errors: [{ code: "DENIED", message: expect.stringContaining("expired") }],
    });
    await late.close();
  });

  it("answers what is not there with AWS's typed errors, and pages what is", async () => {
    await expect(
      client.send(new DescribeImagesCommand({ repositoryName: "web", imageIds: [{ imageTag: "nope" }] })),
    ).rejects.toMatchObject({ name: "ImageNotFoundException" });
    await expect(client.send(new ListImagesCommand({ repositoryName: "nope" }))).rejects.toMatchObject({
      name: "RepositoryNotFoundException",
    });
    const { failures } = await client.send(
      new BatchGetImageCommand({ repositoryName: "web", imageIds: [{ imageTag: "nope" }] }),
    );
    expect(failures?.[0]).toMatchObject({ failureCode: "ImageNotFound" });
    for (const tag of ["v1", "v2", "v3"]) await push(tag, { tag });
    const first = await client.send(new ListImagesCommand({ repositoryName: "web", maxResults: 2 }));
    const second = await client.send(
      new ListImagesCommand({ repositoryName: "web", maxResults: 2, nextToken: first.nextToken }),
    );
    expect([...(first.imageIds ?? []), ...(second.imageIds ?? [])].map(({ imageTag }) => imageTag)).toEqual([
      "v1",
      "v2",
      "v3",
    ]);
    expect(second.nextToken).toBeUndefined();
  });

  it("lets an image go with its last tag, or by its digest with all of them, and tells of it", async () => {
    const one = await push("v1", { a: "1" });
    const two = await push("v2", { a: "2" });
    const remove = (...imageIds: ImageIdentifier[]) =>
      client.send(new BatchDeleteImageCommand({ repositoryName: "web", imageIds }));
    const { imageIds, failures } = await remove({ imageTag: "v1" }, { imageTag: "v9" });
    expect(imageIds).toEqual([{ imageDigest: one.digest, imageTag: "v1" }]);
    expect(failures).toMatchObject([{ failureCode: "ImageNotFound" }]);
    expect(events.at(-1)?.detail).toMatchObject({ "action-type": "DELETE", "image-tag": "v1" });
    await remove({ imageDigest: two.digest });
    const { imageDetails } = await client.send(new DescribeImagesCommand({ repositoryName: "web" }));
    expect(imageDetails).toEqual([]);
    expect((await registry(`web/manifests/${two.digest}`)).status).toBe(404);
  });

  it("keeps an image in the archive out of lists and pulls until it is restored", async () => {
    const { digest: imageDigest } = await push("v1", { a: "1" });
    const move = (targetStorageClass: "ARCHIVE" | "STANDARD") =>
      client.send(
        new UpdateImageStorageClassCommand({
          repositoryName: "web",
          imageId: { imageDigest },
          targetStorageClass,
        }),
      );
    const listed = async (imageStatus?: "ANY") => {
      const filter = imageStatus && { imageStatus };
      const { imageDetails = [] } = await client.send(
        new DescribeImagesCommand({ repositoryName: "web", filter }),
      );
      return imageDetails.map((detail) => detail.imageStatus);
    };
    expect(await move("ARCHIVE")).toMatchObject({ imageStatus: "ARCHIVED" });
    expect(await listed()).toEqual([]);
    expect(await listed("ANY")).toEqual(["ARCHIVED"]);
    const { failures } = await client.send(
      new BatchGetImageCommand({ repositoryName: "web", imageIds: [{ imageDigest }] }),
    );
    expect(failures).toMatchObject([{ failureCode: "ImageInaccessible" }]);
    expect((await registry(`web/manifests/${imageDigest}`)).status).toBe(404);
    expect(await move("STANDARD")).toMatchObject({ imageStatus: "ACTIVE" });
    expect(await listed()).toEqual(["ACTIVE"]);
  });

  it("keeps its images when it is opened again", async () => {
    const { digest } = await push("v1", { a: "1" });
    expect((await createImageStore(world)).find("web", "v1")?.digest).toBe(digest);
  });
});
