import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { createRegistry } from "../../local/ecr/registry.ts";
import { createImageStore, type ImageStore } from "../../local/ecr/store.ts";
import { createRegistryTokens } from "../../local/ecr/tokens.ts";
import { buildImage } from "../../local/images/build.ts";
import type { BuiltImage } from "../../local/images/manifest.ts";
import { pushImage } from "../../local/images/push.ts";
import type { ServiceEvent, World } from "../../local/world.ts";
import { credentialsOf } from "./registry-login.ts";

const clock = createRealClock();
const events: ServiceEvent[] = [];
const requests: string[] = [];
const servers: Server[] = [];
let folder: string;
let registry: string;
let credentials: ReturnType<typeof credentialsOf>;
let store: ImageStore;
let image: BuiltImage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-push-"));
  const world: World = {
    clock,
    random: Math.random,
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => registry,
    folder,
    emit: (event) => events.push(event),
  };
  store = await createImageStore(world);
  await store.createRepository("web", true);
  const tokens = createRegistryTokens(world);
  credentials = credentialsOf(tokens);
  const answer = createRegistry(world, store, tokens);
  registry = await listen((request, response) => {
    requests.push(`${request.method} ${request.url?.split("?")[0]?.replace(/sha256:\w+/, "DIGEST")}`);
    answer(request, response);
  });
  await writeFile(join(folder, "Dockerfile"), "FROM node\nCOPY Dockerfile /a\nCOPY Dockerfile /b\n");
  image = await buildImage({
    contextFolder: folder,
    createdAtSeconds: 0,
    folder: join(folder, "built"),
    environment: {},
    clock,
  });
});
afterAll(async () => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

describe("pushing to the local ECR", () => {
  test("sends every blob once, the tag last, and ECR tells of it", async () => {
    const pushed = await pushImage(clock, image, {
      registry,
      repository: "web",
      tag: "3f2a91c",
      credentials,
    });
    expect(pushed.digest).toBe(image.digest);
    expect(pushed.sentBytes).toBeGreaterThan(image.layers.reduce((sum, { size }) => sum + size, 0));
    expect(requests.at(-1)).toBe("PUT /v2/web/manifests/3f2a91c");
    expect(store.find("web", "3f2a91c")?.digest).toBe(image.digest);
    expect(events.map(({ detail }) => [detail["image-digest"], detail["image-tag"]])).toEqual([
      [image.digest, "3f2a91c"],
    ]);
  });

  test("sends nothing but the manifest the second time", async () => {
    requests.length = 0;
    const again = await pushImage(clock, image, { registry, repository: "web", tag: "other", credentials });
    expect(again.sentBytes).toBe(image.manifest.length);
    expect(new Set(requests)).toEqual(new Set(["HEAD /v2/web/blobs/DIGEST", "PUT /v2/web/manifests/other"]));
  });

  test("tells what the registry said when it refuses", async () => {
    const push = (more: object) =>
      pushImage(clock, image, { registry, repository: "web", tag: "x", credentials, ...more });
    await expect(push({ credentials: { user: "AWS", password: "wrong-one" } })).rejects.toMatchObject({
      name: "RegistryError",
      status: 401,
      message: expect.not.stringContaining("wrong-one"),
    });
    await expect(push({ repository: "nobody/knows" })).rejects.toMatchObject({
      name: "RegistryError",
      status: 404,
      message: expect.stringContaining("nobody/knows"),
    });
  });
});

test("a registry that is not there is named", async () => {
  const target = { registry: "http://127.0.0.1:1", repository: "web", tag: "x" };
  await expect(pushImage(clock, image, target)).rejects.toMatchObject({
    name: "RegistryError",
    message: expect.stringContaining("127.0.0.1:1 got no answer"),
  });
});

test("the password is not sent to another host that takes the uploads", async () => {
  const seen: (string | undefined)[] = [];
  const uploads = await listen((request, response) => {
    seen.push(request.headers.authorization);
    request.resume().on("end", () => response.writeHead(201).end());
  });
  const front = await listen((request, response) => {
    const status = request.method === "HEAD" ? 404 : request.method === "POST" ? 202 : 201;
    request.resume().on("end", () => response.writeHead(status, { location: `${uploads}/place` }).end());
  });
  await pushImage(clock, image, { registry: front, repository: "web", tag: "x", credentials });
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.every((header) => header === undefined)).toBe(true);
});

test("a registry that stores something else is found out", async () => {
  const front = await listen((request, response) => {
    const status = request.method === "HEAD" ? 200 : 201;
    request
      .resume()
      .on("end", () => response.writeHead(status, { "docker-content-digest": "sha256:0" }).end());
  });
  await expect(pushImage(clock, image, { registry: front, repository: "web", tag: "x" })).rejects.toThrow(
    /stored sha256:0/,
  );
});
