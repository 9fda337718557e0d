import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { createRegistry, registryPrefix } from "../../local/ecr/registry.ts";
import { createEcr } from "../../local/ecr/service.ts";
import { createImageStore, type ImageStore } from "../../local/ecr/store.ts";
import { createRegistryTokens } from "../../local/ecr/tokens.ts";
import { createGateway } from "../../local/gateway.ts";
import { type ListeningGateway, listen } from "../../local/http.ts";
import { buildImage } from "../../local/images/build.ts";
import type { BuiltImage } from "../../local/images/manifest.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { credentialsOf } from "../local/registry-login.ts";
import { createTestWorld } from "../local/test-world.ts";
import { hasTool, runTool } from "./tools.ts";

const hasSkopeo = hasTool("skopeo", ["--version"], "skopeo against the local ECR");
const hasEngine = hasTool("docker", ["info", "--format", "{{.ID}}"], "docker push to the local ECR");
const clock = createRealClock();
let folder: string;
let store: ImageStore;
let gateway: ListeningGateway;
let image: BuiltImage;
let events: ServiceEvent[];
let user: string;
let password: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-registry-"));
  const world = { ...createTestWorld(clock, folder), endpoint: () => gateway.url };
  events = world.events;
  store = await createImageStore(world);
  await store.createRepository("web", true);
  const tokens = createRegistryTokens(world);
  ({ user, password } = credentialsOf(tokens));
  gateway = await listen(
    createGateway([createEcr(world, store, tokens)], {
      clock,
      random: Math.random,
      routes: [{ prefix: registryPrefix, listener: createRegistry(world, store, tokens) }],
    }),
    { port: 0 },
  );
  image = await build("one");
});
afterAll(async () => {
  await gateway.close();
  await rm(folder, { recursive: true, force: true });
});

function build(label: string): Promise<BuiltImage> {
  return buildImage({
    contextFolder: join(import.meta.dirname, "images"),
    buildArguments: { COMMIT: label, SEQUENCE: "1" },
    createdAtSeconds: 1_700_000_000,
    folder: join(folder, "built"),
    environment: { PATH: process.env.PATH ?? "" },
    clock,
  });
}

const indexType = "application/vnd.oci.image.index.v1+json";

/**
 * Writes images as an OCI layout (image-spec, image-layout.md). More than one are put under an index of their own,
 * one platform each. @returns its folder and the digest of what it holds.
 */
async function writeLayout(images: readonly BuiltImage[]): Promise<{ layout: string; digest: string }> {
  const layout = await mkdtemp(join(folder, "layout-"));
  const blobs = join(layout, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const keep = (digest: string, text: string | Uint8Array) =>
    writeFile(join(blobs, digest.replace("sha256:", "")), text);
  for (const one of images) {
    for (const { digest, path } of one.layers) await keep(digest, await readFile(path));
    await keep(one.configDigest, one.config);
    await keep(one.digest, one.manifest);
  }
  const described = images.map((one, index) => ({
    mediaType: one.manifestMediaType,
    digest: one.digest,
    size: Buffer.byteLength(one.manifest),
    platform: { os: "linux", architecture: index === 0 ? "amd64" : "arm64" },
  }));
  const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: described });
  const indexDigest = `sha256:${createHash("sha256").update(index).digest("hex")}`;
  await keep(indexDigest, index);
  const held =
    images.length === 1
      ? described
      : [{ mediaType: indexType, digest: indexDigest, size: Buffer.byteLength(index) }];
  await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(
    join(layout, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: held }),
  );
  return { layout, digest: held[0]?.digest ?? "" };
}

const reference = (tag: string) => `docker://${new URL(gateway.url).host}/web:${tag}`;
const skopeo = (...words: string[]) =>
  runTool("skopeo", words, { PATH: process.env.PATH ?? "", HOME: folder, XDG_RUNTIME_DIR: folder });

/** Copies a layout to a tag with these credentials. */
const push = (layout: string, tag: string, credentials = `${user}:${password}`, ...words: string[]) =>
  skopeo(
    ...["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", credentials, ...words],
    ...[`oci:${layout}`, reference(tag)],
  );
const pushImages = async (images: readonly BuiltImage[], tag: string) =>
  push((await writeLayout(images)).layout, tag);
const read = (...words: string[]) => skopeo(...words, "--creds", `${user}:${password}`, "--tls-verify=false");

describe.skipIf(!hasSkopeo)("skopeo and the local ECR", () => {
  it("copies an image of our own builder there, unchanged, and back", async () => {
    expect(await pushImages([image], "v1")).toMatchObject({ code: 0 });
    expect(store.find("web", "v1")?.digest).toBe(image.digest);
    expect(events.at(-1)?.detail).toMatchObject({ "image-tag": "v1", "image-digest": image.digest });
    const back = join(folder, "back");
    const copied = await skopeo(
      ...["copy", "--insecure-policy", "--src-tls-verify=false", "--src-creds", `${user}:${password}`],
      ...[reference("v1"), `oci:${back}:v1`],
    );
    expect(copied).toMatchObject({ code: 0 });
    const { stdout } = await skopeo("inspect", "--raw", `oci:${back}:v1`);
    expect(stdout).toBe(Buffer.from(image.manifest).toString());
  });

  it("inspects an image and lists the tags", async () => {
    await pushImages([image], "v2");
    const { stdout } = await read("inspect", reference("v2"));
    expect(JSON.parse(stdout)).toMatchObject({
      Digest: image.digest,
      Labels: { "org.opencontainers.image.revision": "one" },
    });
    const listed = await read("list-tags", reference("v2").replace(/:v2$/, ""));
    expect(JSON.parse(listed.stdout).Tags).toContain("v2");
    expect((await read("inspect", reference("nobody"))).stderr).toMatch(/manifest unknown|MANIFEST_UNKNOWN/i);
  });

  it("does not move an immutable tag", async () => {
    await pushImages([image], "fixed");
    const moved = await pushImages([await build("two")], "fixed");
    expect(moved.code).not.toBe(0);
    expect(moved.stderr).toMatch(
      /cannot be overwritten because the tag is immutable|TAG_INVALID|tag invalid/i,
    );
    expect(store.find("web", "fixed")?.digest).toBe(image.digest);
  });

  it("pushes an index of platforms: each image untagged, then the index with its tag", async () => {
    const other = await build("arm");
    events.length = 0;
    const { layout, digest } = await writeLayout([image, other]);
    expect(await push(layout, "many", undefined, "--all")).toMatchObject({ code: 0 });
    expect(store.find("web", "many")).toMatchObject({
      digest,
      mediaType: indexType,
    });
    const told = events.map(({ detail }) => [detail["image-digest"], detail["image-tag"]]);
    expect(told.at(-1)).toEqual([digest, "many"]);
    expect(told.slice(0, -1).every(([, tag]) => tag === "")).toBe(true);
    expect(told).toContainEqual([other.digest, ""]);
  });

  it("turns away who has no token or a wrong one", async () => {
    const { layout } = await writeLayout([image]);
    const wrong = await push(layout, "never", "AWS:nonsense");
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toMatch(/unauthorized|authentication required|invalid username\/password/i);
    const nobody = await skopeo("inspect", "--tls-verify=false", "--no-creds", reference("v1"));
    expect(nobody.code).not.toBe(0);
    expect(store.find("web", "never")).toBeUndefined();
  });
});

describe.skipIf(!hasEngine)("docker and the local ECR", () => {
  const docker = (...words: string[]) =>
    runTool("docker", words, { PATH: process.env.PATH ?? "", HOME: folder, DOCKER_CONFIG: folder });

  it("logs in with a token and pushes", async () => {
    const { host } = new URL(gateway.url);
    expect(await docker("login", "--username", user, "--password", password, host)).toMatchObject({
      code: 0,
    });
    const scratch = join(folder, "docker");
    await mkdir(scratch, { recursive: true });
    await writeFile(join(scratch, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
    expect(await docker("build", "--tag", `${host}/web:docker`, scratch)).toMatchObject({ code: 0 });
    expect(await docker("push", `${host}/web:docker`)).toMatchObject({ code: 0 });
    expect(store.find("web", "docker")).toBeDefined();
  });
});
