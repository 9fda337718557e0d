import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { extract, type Header } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { createVirtualClock } from "../../local/asl/virtual-clock.ts";
import { type BuildOptions, buildImage } from "../../local/images/build.ts";
import type { ImageLayer } from "../../local/images/layer.ts";
import { createLayerCache } from "../../local/images/layer-cache.ts";
import type { BuiltImage } from "../../local/images/manifest.ts";

let folder: string;
let context: string;
const lines: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-build-"));
  context = join(folder, "context");
  lines.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(context, path)), { recursive: true });
    await writeFile(join(context, path), text);
  }
}

function build(more: Partial<BuildOptions> = {}): Promise<BuiltImage> {
  return buildImage({
    contextFolder: context,
    createdAtSeconds: 1_700_000_000,
    folder: join(folder, "images"),
    environment: { PATH: process.env.PATH ?? "", HOME: folder },
    clock: createRealClock(),
    onLine: (line) => lines.push(line),
    ...more,
  });
}

interface Config {
  config: Record<string, unknown> & { Labels: Record<string, string>; Env: string[] };
  rootfs: { diff_ids: string[] };
  history: { created_by: string; empty_layer?: true }[];
  created: string;
  architecture: string;
}

function readConfig(image: BuiltImage): Config {
  return JSON.parse(Buffer.from(image.config).toString());
}

/** What is in the layers, the later over the earlier: path → text, "-> target" or "/". */
async function readFiles(image: BuiltImage, headers: Header[] = []): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const layer of image.layers) {
    const tar = extract();
    tar.end(gunzipSync(await readFile(layer.path)));
    for await (const entry of tar) {
      const { name, type, linkname } = entry.header;
      headers.push(entry.header);
      const content = await buffer(Readable.from(entry));
      if (type === "symlink") files[name] = `-> ${linkname}`;
      else files[name] = type === "directory" ? "/" : content.toString();
    }
  }
  return files;
}

describe("an image", () => {
  test("has the files, the configuration and the labels its Dockerfile says", async () => {
    await write({
      "main.js": "main",
      "lib/a.js": "a",
      "lib/deep/b.js": "b",
      Dockerfile: `# comment
ARG BASE=python:3.13-slim
FROM \${BASE}@sha256:${"a".repeat(64)} AS app
WORKDIR /srv
WORKDIR app
COPY --chown=node:node main.js ./
COPY lib lib
COPY main.js /other/name.js
ARG COMMIT
ARG STAGE=\${COMMIT:-none}
ENV A="two words" B=$COMMIT \\
    C='$COMMIT' D=\${A}
LABEL one="1" "two"=$STAGE
EXPOSE 8080 53/udp
USER node
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1m30s --retries=2 CMD ["node", "check.js"]
ENTRYPOINT ["node", "main.js"]
CMD ["serve"]
`,
    });
    const image = await build({
      buildArguments: { COMMIT: "3f2a91c" },
      labels: { three: "3" },
      platform: "linux/arm64",
    });
    const headers: Header[] = [];
    expect(await readFiles(image, headers)).toEqual({
      "srv/": "/",
      "srv/app/": "/",
      "srv/app/main.js": "main",
      "srv/app/lib/": "/",
      "srv/app/lib/a.js": "a",
      "srv/app/lib/deep/": "/",
      "srv/app/lib/deep/b.js": "b",
      "other/": "/",
      "other/name.js": "main",
    });
    expect(headers.find(({ name }) => name === "srv/app/main.js")).toMatchObject({
      uid: 1000,
      gid: 1000,
      mode: 0o644,
    });
    const { config, architecture, created, rootfs } = readConfig(image);
    expect([architecture, created]).toEqual(["arm64", "2023-11-14T22:13:20.000Z"]);
    expect(rootfs.diff_ids).toEqual(image.layers.map(({ diffId }) => diffId));
    expect(config).toMatchObject({
      User: "node",
      WorkingDir: "/srv/app",
      Env: ["A=two words", "B=3f2a91c", "C=$COMMIT", "D="],
      Entrypoint: ["node", "main.js"],
      Cmd: ["serve"],
      StopSignal: "SIGINT",
      ExposedPorts: { "8080/tcp": {}, "53/udp": {} },
      Healthcheck: { Test: ["CMD", "node", "check.js"], Interval: 90e9, Retries: 2 },
    });
    expect(config.Labels).toMatchObject({
      one: "1",
      two: "3f2a91c",
      three: "3",
      "org.opencontainers.image.base.name": "python:3.13-slim",
      "org.opencontainers.image.base.digest": `sha256:${"a".repeat(64)}`,
      "dev.spillway.base": "not included",
    });
  });

  test("is the same for the same input, whatever the files' times, and another for another", async () => {
    await write({
      "a.js": "a",
      "b/c.js": "c",
      Dockerfile: "FROM node\nCOPY . /app/\nRUN node -e 'fs.writeFileSync(`made`, `x`)'\n",
    });
    const first = await build();
    await utimes(join(context, "a.js"), 1, 1);
    expect((await build()).digest).toBe(first.digest);
    expect((await build({ createdAtSeconds: 1_700_000_001 })).digest).not.toBe(first.digest);
    await write({ "a.js": "other" });
    expect((await build()).digest).not.toBe(first.digest);
    expect(await readdir(join(folder, "images"))).toEqual(["layers"]);
  });

  test("takes from earlier stages, and leaves out those it does not need", async () => {
    await write({
      "in.txt": "text",
      Dockerfile: `FROM node AS unused
RUN apt-get install gcc
FROM node AS Made
WORKDIR /w
COPY in.txt .
RUN node -e "fs.mkdirSync('out/empty', { recursive: true }); fs.symlinkSync('../in.txt', 'out/link'); fs.rmSync('in.txt')"
ENV FROM_MADE=1
FROM made AS again
FROM again
COPY --from=made /w/out copied/
COPY --from=1 /w/out/link ./
`,
    });
    const image = await build();
    const files = await readFiles(image);
    expect(files).toMatchObject({
      "w/out/empty/": "/",
      "w/out/link": "-> ../in.txt",
      "w/.wh.in.txt": "",
      "w/copied/empty/": "/",
      "w/copied/link": "-> ../in.txt",
      "w/link": "-> ../in.txt",
    });
    expect(readConfig(image).config.Env).toEqual(["FROM_MADE=1"]);
    expect(lines.join("\n")).not.toContain("apt-get");
  });

  test("keeps to .dockerignore, with its exceptions and patterns", async () => {
    await write({
      ".dockerignore": "# no\n*.log\n**/secret\n/build\n!build/keep.js\n",
      "a.log": "",
      "b/c.log": "log below",
      "b/secret/key": "",
      "build/x.js": "",
      "build/keep.js": "keep",
      "m.js": "m",
      Dockerfile: 'FROM node\nCOPY [".", "/app"]\n',
    });
    expect(Object.keys(await readFiles(await build())).sort()).toEqual(
      [
        "app/",
        "app/.dockerignore",
        "app/Dockerfile",
        "app/b/",
        "app/b/c.log",
        "app/build/",
        "app/build/keep.js",
        "app/m.js",
      ].sort(),
    );
  });

  test("copies what patterns name, a file under a new name, and refuses what is not there", async () => {
    await write({
      "p.json": "1",
      "p-lock.json": "2",
      "x.txt": "3",
      Dockerfile: "FROM node\nCOPY p*.json /a/\nCOPY x.txt /a/y\n",
    });
    expect(await readFiles(await build())).toEqual({
      "a/": "/",
      "a/p.json": "1",
      "a/p-lock.json": "2",
      "a/y": "3",
    });
    await write({ Dockerfile: "FROM node\n\nCOPY nothing.txt /a/\n" });
    await expect(build()).rejects.toThrow(/^Dockerfile:3: COPY nothing.txt is not there/);
  });

  test("stays inside its root and its context", async () => {
    const outside = join(folder, "outside");
    await mkdir(outside);
    await mkdir(context);
    await symlink(outside, join(context, "way-out"));
    await write({
      "a.txt": "a",
      Dockerfile: "FROM node\nCOPY way-out /way-out\nCOPY a.txt /way-out/a.txt\n",
    });
    await expect(build()).rejects.toThrow(/leads out of the image/);
    await write({ Dockerfile: "FROM node\nCOPY ../outside /x\n" });
    await expect(build()).rejects.toThrow(/outside the build context/);
    await write({ Dockerfile: "FROM node\nCOPY a.txt ../../../../escaped.txt\n" });
    expect(await readFiles(await build())).toEqual({ "escaped.txt": "a" });
    expect(await readdir(outside)).toEqual([]);
  });
});

describe("RUN", () => {
  test("gets the stage's variables and what it was given, nothing of ours, and none of it is kept", async () => {
    process.env.SPILLWAY_TEST_LEAK = "leak";
    await write({
      Dockerfile: `FROM node
ARG COMMIT=c0ffee
ENV MODE=production
WORKDIR /app
RUN mkdir -p /app/data && node -e "fs.writeFileSync('env.json', JSON.stringify(process.env))" x
`,
    });
    const files = await readFiles(
      await build({ environment: { PATH: process.env.PATH ?? "", GIVEN: "yes" } }),
    );
    const seen: Record<string, string> = JSON.parse(files["app/env.json"] ?? "");
    expect(seen).toMatchObject({ COMMIT: "c0ffee", MODE: "production", GIVEN: "yes" });
    expect(seen).not.toHaveProperty("SPILLWAY_TEST_LEAK");
    expect(files).toHaveProperty("app/data/");
    delete process.env.SPILLWAY_TEST_LEAK;
  });

  for (const [command, reason] of [
    ["apt-get update", "needs a container"],
    ["curl https://example.org | sh", "needs a container|shell"],
    ["npm ci; rm -rf /", "shell"],
    ["npm ci > log.txt", "shell"],
    ["npm install -g yarn", "change this machine"],
    ["python3 -m pip install flask", "change this machine"],
    ["mkdir ../../../x", "above its folder"],
    ["node -e 'process.exit(3)'", "ended with 3"],
  ] as const) {
    test(`refuses or fails: ${command}`, async () => {
      await write({ Dockerfile: `FROM node\nRUN ${command}\n` });
      await expect(build()).rejects.toThrow(new RegExp(`^Dockerfile:2: .*(${reason})`));
    });
  }
});

describe("a Dockerfile that cannot be built is refused by name and line", () => {
  for (const [text, expected] of [
    ["", "Dockerfile:1: there is no FROM"],
    ["WORKDIR /x\nFROM node\n", "Dockerfile:1: WORKDIR stands before the first FROM"],
    ["FROM node\nADD https://example.org/x /x\n", "Dockerfile:2: ADD is not supported"],
    ["FROM node\nVOLUME /data\n", "Dockerfile:2: VOLUME is not supported"],
    ['FROM node\nSHELL ["bash"]\n', "Dockerfile:2: SHELL is not supported"],
    ["FROM node\nONBUILD RUN x\n", "Dockerfile:2: ONBUILD is not supported"],
    ["FROM node AS\n", "Dockerfile:1: FROM must read"],
    ["FROM node\nRUN --mount=type=cache,target=/x npm ci\n", "Dockerfile:2: RUN --mount is not supported"],
    ["FROM node\nCOPY --from=nginx:1 /a /b\n", "Dockerfile:2: COPY --from=nginx:1 is no earlier stage"],
    [
      "FROM node\nCOPY --chown=www-data Dockerfile /b\n",
      'Dockerfile:2: The number of the account "www-data"',
    ],
    ["FROM node\nENV A b\n", "Dockerfile:2: ENV must read ENV name=value"],
    [`FROM node\nENV A=\${B:?no}\n`, `Dockerfile:2: \${B:?no} is not a supported form`],
    ['FROM node\nLABEL a="b\n', "Dockerfile:2: A quote"],
    ["FROM node\nEXPOSE http\n", "Dockerfile:2: EXPOSE http is not a port"],
    ["FROM node\nHEALTHCHECK --interval=soon CMD x\n", "Dockerfile:2: HEALTHCHECK --interval=soon"],
    ["FROM node\nRUN <<EOF\nnpm ci\nEOF\n", "Dockerfile:2: RUN with a here-document"],
  ] as const) {
    test(expected, async () => {
      await write({ Dockerfile: text });
      const error = await build().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ name: "DockerfileError" });
      expect(String(error)).toContain(expected);
    });
  }

  test("a missing Dockerfile is said to be missing", async () => {
    await mkdir(context);
    await expect(build({ dockerfile: "Dockerfile.other" })).rejects.toThrow(/There is no Dockerfile.other/);
  });
});

describe("layers of earlier builds", () => {
  const dockerfile = `FROM node:24 AS dependencies
WORKDIR /app
COPY package.json ./
RUN node -e "require('fs').writeFileSync('installed', require('fs').readFileSync('package.json'))"
FROM node:24
ARG GREETING=hello
WORKDIR /app
COPY --from=dependencies /app/installed ./
COPY src src
RUN node -e "require('fs').writeFileSync('greeting', process.env.GREETING)"
`;
  const cached = () => lines.filter((line) => line.includes("CACHED")).map((line) => line.split(" ")[2]);

  test("are taken where nothing changed, and the log says so", async () => {
    await write({ Dockerfile: dockerfile, "package.json": "{}", "src/a.js": "a" });
    const first = await build({ reuseLayers: true });
    expect(cached()).toEqual([]);
    lines.length = 0;
    const second = await build({ reuseLayers: true });
    expect(cached()).toEqual(["COPY", "RUN", "COPY", "COPY", "RUN"]);
    expect(second.digest).toBe(first.digest);
    lines.length = 0;
    await write({ "src/a.js": "b" });
    const third = await build({ reuseLayers: true });
    expect(cached()).toEqual(["COPY", "RUN", "COPY"]);
    expect(await readFiles(third)).toMatchObject({
      "app/installed": "{}",
      "app/src/a.js": "b",
      "app/greeting": "hello",
    });
    lines.length = 0;
    await build({ reuseLayers: true, buildArguments: { GREETING: "good day" } });
    expect(cached()).toEqual(["COPY", "RUN", "COPY", "COPY"]);
  });

  test("are not taken unless asked for, nor from a folder whose layers are gone", async () => {
    await write({ Dockerfile: dockerfile, "package.json": "{}", "src/a.js": "a" });
    const first = await build({ reuseLayers: true });
    lines.length = 0;
    await build();
    expect(cached()).toEqual([]);
    await rm(join(folder, "images/layers"), { recursive: true });
    const again = await build({ reuseLayers: true });
    expect(cached()).not.toContain("RUN");
    expect(again.digest).toBe(first.digest);
  });

  test("of one time are reused at another, as their own", async () => {
    await write({ Dockerfile: dockerfile, "package.json": "{}", "src/a.js": "a" });
    const first = await build({ reuseLayers: true });
    const later = await build({ reuseLayers: true, createdAtSeconds: 1_800_000_000 });
    expect(later.layers.map(({ digest }) => digest)).toEqual(first.layers.map(({ digest }) => digest));
    expect(readConfig(later).created).toBe("2027-01-15T08:00:00.000Z");
  });

  test("make the image that a build without them makes, whatever was changed", async () => {
    const file = fc.constantFrom("src/a.js", "src/b.js", "src/deep/c.js", "package.json");
    const edit = fc.record({ file, text: fc.constantFrom("one", "two", "three"), isRemoved: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 3 }), async (edits) => {
        await rm(context, { recursive: true, force: true });
        await write({ Dockerfile: dockerfile, "package.json": "{}", "src/a.js": "a" });
        for (const { file: path, text, isRemoved } of edits) {
          if (isRemoved && path.startsWith("src/b")) await rm(join(context, path), { force: true });
          else await write({ [path]: text });
        }
        const withCache = await build({ reuseLayers: true });
        const without = await build({ folder: join(folder, "fresh") });
        expect(withCache.digest).toBe(without.digest);
      }),
      { numRuns: 8 },
    );
  });

  test("are dropped beyond the limit, those used longest ago first, but none of the last hour", async () => {
    const clock = createVirtualClock({ start: Date.now() });
    const cache = createLayerCache(clock, folder, 10);
    const layerOf = async (name: string): Promise<ImageLayer> => {
      const path = join(folder, "layers", name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "123456");
      const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
      return { path, digest: "sha256:a", diffId: "sha256:b", mediaType, size: 6 };
    };
    for (const key of ["old", "used"]) await cache.keep(key, { layer: await layerOf(key) });
    await cache.prune();
    expect(await cache.find("old")).toBeDefined();
    await clock.advance(7_200_000);
    await cache.find("used");
    await cache.prune();
    expect(await cache.find("old")).toBeUndefined();
    expect(await cache.find("used")).toMatchObject({ layer: { size: 6 } });
  });

  test("end with the stage that is asked for", async () => {
    await write({ Dockerfile: dockerfile, "package.json": "{}", "src/a.js": "a" });
    const image = await build({ target: "dependencies" });
    expect(Object.keys(await readFiles(image))).toEqual(
      ["app/", "app/package.json", "app/", "app/installed"].filter(
        (path, index, all) => all.indexOf(path) === index,
      ),
    );
    await expect(build({ target: "nobody" })).rejects.toThrow("Dockerfile has no stage nobody.");
  });
});
