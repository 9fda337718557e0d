import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRealClock } from "../../../local/asl/real-clock.ts";
import { type CachePath, createBuildCache } from "../../../local/codebuild/cache.ts";
import { spec, startBuilds, writeFiles } from "./laptop-builds.ts";

describe("the cache of a project", () => {
  let builds: Awaited<ReturnType<typeof startBuilds>>;
  beforeEach(async () => {
    builds = await startBuilds({
      files: { "read.me": "x" },
      project: { cache: { type: "LOCAL", modes: ["LOCAL_CUSTOM_CACHE"] } },
    });
  });
  afterEach(() => builds.stop());

  const cached = (last: string) =>
    spec(
      {
        build: [
          "cat kept/.deep/mark ~/.tool/mark 2>/dev/null || echo cold",
          `mkdir -p kept/.deep ~/.tool; echo source > kept/.deep/mark; echo home > ~/.tool/mark; ${last}`,
        ],
      },
      { cache: { paths: ["kept/**/*", "/root/.tool/**/*", "missing/**/*", "../outside/*"] } },
    );

  it("is kept from one build to the next, and a failed build does not spoil it", async () => {
    const cold = await builds.build(cached("true"));
    expect(cold.output).toEqual(["cold"]);
    expect(cold.notes).toContainEqual("Cache miss: no earlier build of this project has kept anything");
    expect(cold.notes).toContainEqual(
      expect.stringMatching(/^Cache saved: 2 files \(0\.0 MB\) in \d+\.\d\d s$/),
    );
    expect(cold.notes).toContainEqual("Not cached, because it is outside of the build: ../outside/*");
    const spoilt = await builds.build(cached("echo spoilt > kept/.deep/mark; false"));
    expect(spoilt.output).toEqual(["source", "home"]);
    expect(spoilt.notes).toContainEqual(
      expect.stringMatching(/^Cache hit: restored 2 files \(0\.0 MB\) in \d+\.\d\d s$/),
    );
    expect((await builds.build(cached("rm -r kept"))).output).toEqual(["source", "home"]);
    expect((await builds.build(cached("true"))).output).toEqual(["home", "cold"]);
  });

  it("is restored in DOWNLOAD_SOURCE and saved in UPLOAD_ARTIFACTS", async () => {
    await builds.build(cached("true"));
    const { notes } = await builds.build(cached("true"));
    const at = (start: string) => notes.findIndex((note) => note.startsWith(start));
    expect(at("Entering phase DOWNLOAD_SOURCE")).toBeLessThan(at("Cache hit"));
    expect(at("Cache hit")).toBeLessThan(at("Phase complete: DOWNLOAD_SOURCE"));
    expect(at("Entering phase UPLOAD_ARTIFACTS")).toBeLessThan(at("Cache saved"));
    expect(at("Cache saved")).toBeLessThan(at("Phase complete: UPLOAD_ARTIFACTS"));
  });

  it("is none for a build without cache, which says so", async () => {
    await builds.build(cached("true"));
    const none = await builds.build(cached("true"), { cacheOverride: { type: "NO_CACHE" } });
    expect(none.output).toEqual(["cold"]);
    expect(none.notes).toContainEqual(expect.stringContaining("this project keeps no cache"));
  });

  it("is whole for builds of one project at once", async () => {
    // Each build finds what one other build kept, never a mixture.
    const mixed = (n: number) =>
      spec(
        {
          build: [
            "mkdir -p kept; cat kept/* 2>/dev/null | sort -u | wc -l",
            `for f in 1 2 3 4 5 6 7 8 9; do echo ${n} > kept/$f; done`,
          ],
        },
        { cache: { paths: ["kept/**/*"] } },
      );
    await builds.build(mixed(0));
    const ended = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => builds.build(mixed(n))));
    expect(ended.map(({ buildStatus, output }) => [buildStatus, output.map(Number)])).toEqual(
      ended.map(() => ["SUCCEEDED", [1]]),
    );
    const kept = await readdir(join(builds.folder, "state/cache/web"));
    expect(kept.filter((name) => name.startsWith("kept-"))).toHaveLength(1);
  });
});

describe("what is kept", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cache-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const clock = createRealClock();
  const cacheWith = (ofOneProject: number, ofAll: number) =>
    createBuildCache(clock, join(folder, "cache"), { ofOneProject, ofAll });
  const paths = (build: string): CachePath[] => [
    { root: "source", folder: join(folder, build), pattern: "kept/**/*" },
  ];
  const give = (build: string, text: string) => writeFiles(join(folder, build), { "kept/file": text });
  const restored = (build: string) => readFile(join(folder, build, "kept/file"), "utf8");

  it("has a limit: what is larger leaves the earlier one in place", async () => {
    const cache = cacheWith(10, 100);
    await give("a", "small");
    expect(await cache.save("web", paths("a"))).toMatchObject({ kept: true, files: 1, bytes: 5 });
    await give("b", "larger than ten");
    expect(await cache.save("web", paths("b"))).toMatchObject({ kept: false, bytes: 15 });
    await cache.restore("web", paths("c"));
    expect(await restored("c")).toBe("small");
  });

  it("has a limit over all projects: what was used longest ago goes", async () => {
    const cache = cacheWith(10, 12);
    for (const project of ["one", "two"]) {
      await give(project, "12345");
      await cache.save(project, paths(project));
    }
    await cache.restore("one", paths("used"));
    await give("three", "12345");
    await cache.save("three", paths("three"));
    expect(await cache.restore("two", paths("x"))).toBeUndefined();
    expect(await cache.restore("one", paths("y"))).toMatchObject({ files: 1 });
  });

  it("survives a saving that was cut off, whose remains go", async () => {
    await give("a", "whole");
    await cacheWith(100, 100).save("web", paths("a"));
    await mkdir(join(folder, "cache/web/kept-cut/source/kept"), { recursive: true });
    await writeFile(join(folder, "cache/web/kept-cut/source/kept/file"), "ha");
    await cacheWith(100, 100).restore("web", paths("b"));
    expect(await restored("b")).toBe("whole");
    expect(await readdir(join(folder, "cache/web"))).toHaveLength(2);
  });
});
