import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPushedLayers, type Entry, type PushedLayers, tarOf } from "./pushed-layers.ts";

// What a stranger's layers may do to the machine of who pulls them: nothing.

let folder: string;
let pushed: PushedLayers;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-layers-"));
  pushed = await createPushedLayers(join(folder, "a/b/c/state"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Everything beneath the folder but the registry's blobs and what was unpacked. */
async function strays(): Promise<string[]> {
  const all = await readdir(folder, { recursive: true });
  return all.filter(
    (path) =>
      !/^(a(\/b(\/c(\/state(\/images(\/(blobs|unpacked)(\/.*)?|\/repositories\.json)?)?)?)?)?)$/s.test(path),
  );
}

const refused = (...layers: Entry[][]) =>
  pushed.unpack(...layers).then(
    () => "unpacked",
    (error: Error) => `${error.name} ${error.message}`,
  );

describe("a layer that reaches out of its image", () => {
  it.each<[string, Entry[], RegExp]>([
    [
      "a path that climbs out",
      [{ name: "../../../outside" }],
      /the entry "\.\.\/\.\.\/\.\.\/outside" leads out/,
    ],
    ["a path that climbs out on the way", [{ name: "a/../../outside" }], /leads out of the image/],
    [
      "a file through links that climb out together",
      [
        { name: "a/b/short", type: "symlink", linkname: "/" },
        { name: "door", type: "symlink", linkname: "a/b/short/../../.." },
        { name: "door/outside", content: "bad" },
      ],
      /the entry "door\/outside" leads out/,
    ],
    [
      "a whiteout through them",
      [
        { name: "a/b/short", type: "symlink", linkname: "/" },
        { name: "door", type: "symlink", linkname: "a/b/short/../../.." },
        { name: "door/.wh.blobs" },
      ],
      /leads out/,
    ],
    [
      "a hard link to a file outside",
      [{ name: "x", type: "link", linkname: "../../../etc/hostname" }],
      /leads out/,
    ],
    [
      "a hard link to nothing",
      [{ name: "x", type: "link", linkname: "/etc/hostname" }],
      /no file of the image/,
    ],
    ["a whiteout of the folder above", [{ name: "keep/.wh..." }], /hides no name/],
    ["a whiteout of its own folder", [{ name: "keep/.wh.." }], /hides no name/],
    ["a whiteout of nothing", [{ name: "keep/.wh." }], /hides no name/],
    [
      "a file beneath a link to nothing",
      [
        { name: "door", type: "symlink", linkname: "nowhere" },
        { name: "door/x/y", content: "bad" },
      ],
      /ENOENT/,
    ],
    [
      "a file beneath a link to itself",
      [
        { name: "door", type: "symlink", linkname: "door" },
        { name: "door/x", content: "bad" },
      ],
      /ELOOP/,
    ],
    [
      "a file beneath a file",
      [
        { name: "x", content: "x" },
        { name: "x/y", content: "bad" },
      ],
      /EEXIST|ENOTDIR/,
    ],
    ["a path longer than any", [{ name: "x/".repeat(40_000) }], /more than 4096 characters/],
    ["a name longer than any", [{ name: "x".repeat(300) }], /ENAMETOOLONG/],
    ["a name with a zero byte", [{ name: "a\0b", pax: { path: "a\0b" } }], /zero byte/],
  ])("is refused by name: %s", async (_what, entries, words) => {
    const answer = await refused([{ name: "keep", type: "directory" }, ...entries]);
    expect(answer).toMatch(
      /^CannotPullContainerError CannotPullContainerError: failed to register layer sha256:/,
    );
    expect(answer).toMatch(words);
    expect(await strays()).toEqual([]);
    expect(await readdir(join(folder, "a/b/c/state/images/unpacked"))).toEqual([]);
  });

  it("is refused for a name that is not UTF-8", async () => {
    const broken = await tarOf([{ name: "cafe" }]);
    // As Latin-1 has "café"; the header's sum of bytes must fit.
    broken[3] = 0xe9;
    let sum = 8 * 32;
    for (const [index, byte] of broken.subarray(0, 512).entries())
      if (index < 148 || index >= 156) sum += byte;
    broken.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    await expect(pushed.unpackBytes([gzipSync(broken)])).rejects.toThrow(/is not UTF-8/);
  });
});

describe("a layer with what only looks hostile", () => {
  it("means in its folder what it means in a container", async () => {
    const { root } = await pushed.unpack([
      { name: "/absolute", content: "here" },
      { name: "usr/bin/tool", content: "tool" },
      { name: "bin", type: "symlink", linkname: "/usr/bin" },
      { name: "app/up", type: "symlink", linkname: "../../../../usr/bin" },
      { name: "root", type: "symlink", linkname: "/" },
      { name: "bin/through", content: "through" },
      { name: "usr/bin/pipe", type: "fifo" },
      { name: "dev/null", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "dev/sda", type: "block-device", devmajor: 8, devminor: 0 },
      { name: "root-shell", mode: 0o6755, content: "x" },
      { name: "twice", content: "first" },
      { name: "twice", content: "second" },
      { name: "thing", content: "a file" },
      { name: "thing", type: "directory" },
      { name: "two\nlines", content: "one name" },
      { name: "same", type: "link", linkname: "/usr/bin/tool" },
      { name: "linked", type: "link", linkname: "bin" },
    ]);
    const read = (path: string) => readFile(join(root, path), "utf8");
    expect(
      await Promise.all(
        ["absolute", "bin/tool", "app/up/tool", "root/absolute", "usr/bin/through"].map(read),
      ),
    ).toEqual(["here", "tool", "tool", "here", "through"]);
    expect(await read("twice")).toBe("second");
    expect(await read("same")).toBe("tool");
    expect(await read("two\nlines")).toBe("one name");
    expect(await strays()).toEqual([]);
    expect((await lstat(join(root, "thing"))).isDirectory()).toBe(true);
    expect((await lstat(join(root, "linked"))).isSymbolicLink()).toBe(true);
    expect((await stat(join(root, "root-shell"))).mode & 0o7777).toBe(0o755);
    expect((await readdir(join(root, "usr/bin"))).toSorted()).toEqual(["through", "tool"]);
    expect(await readdir(join(root, "dev"))).toEqual([]);
    expect(resolve(join(root, "app"), await readlink(join(root, "app/up")))).toBe(join(root, "usr/bin"));
  });

  it("hides of a folder what was below, and not what it brings itself, in whichever order", async () => {
    const { root } = await pushed.unpack(
      [
        { name: "old/a", content: "below" },
        { name: "old/deep/b", content: "below" },
      ],
      [
        { name: "old/deep/c", content: "own" },
        { name: "old/.wh..wh..opq" },
        { name: "old/d", content: "own" },
      ],
    );
    expect((await readdir(join(root, "old"), { recursive: true })).toSorted()).toEqual([
      "d",
      "deep",
      "deep/c",
    ]);
  });
});

describe("a layer that is too much", () => {
  const limits = { bytes: 1024 ** 2, entries: 50 };

  it.each([
    ["gzip", gzipSync, "application/vnd.oci.image.layer.v1.tar+gzip"],
    ["zstd", zstdCompressSync, "application/vnd.oci.image.layer.v1.tar+zstd"],
  ] as const)(
    "is refused before it fills the disk, though it is small as %s",
    async (_, compress, mediaType) => {
      const bomb = compress(await tarOf([{ name: "zeros", content: "\0".repeat(20 * 1024 ** 2) }]));
      expect(bomb.length).toBeLessThan(limits.bytes / 10);
      await expect(pushed.unpackBytes([bomb], { mediaType, limits })).rejects.toMatchObject({
        name: "CannotPullContainerError",
        message: expect.stringContaining("larger unpacked than an image may be"),
      });
      expect(await readdir(join(folder, "a/b/c/state/images/unpacked"))).toEqual([]);
    },
  );

  it("is refused for the entries of all its layers together", async () => {
    const layer = async (name: string) =>
      gzipSync(await tarOf(Array.from({ length: 30 }, (_, index) => ({ name: `${name}${index}` }))));
    await expect(pushed.unpackBytes([await layer("a"), await layer("b")], { limits })).rejects.toThrow(
      "more entries than an image may have",
    );
  });

  it("is refused when a header alone would fill the memory", async () => {
    const bomb = gzipSync(await tarOf([{ name: "x", pax: { comment: "x".repeat(5 * 1024 ** 2) } }]));
    await expect(pushed.unpackBytes([bomb])).rejects.toThrow(
      /failed to register layer .*Header exceeds max size/,
    );
  });
});

describe("whatever a layer holds", () => {
  const part = fc.constantFrom(
    "a",
    "b",
    "c",
    "door",
    "..",
    ".",
    "",
    ".wh.a",
    ".wh..wh..opq",
    ".wh...",
    "\u202e",
    "é",
  );
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
  const entry = fc
    .record({
      name: path,
      linkname: path,
      type: fc.constantFrom("file", "directory", "symlink", "link", "fifo", "character-device"),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      content: fc.constantFrom("", "x"),
    })
    .map(
      ({ content, ...header }): Entry => ({
        ...header,
        ...(header.type === "file" ? { content } : {}),
      }),
    );

  it("writes nothing outside, and makes an image or names what is wrong", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(entry, { maxLength: 8 }), { minLength: 1, maxLength: 2 }),
        async (layers) => {
          const answer = await refused(...layers);
          if (answer !== "unpacked")
            expect(answer).toMatch(/^CannotPullContainerError .*failed to register layer/);
          expect(await strays()).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("is refused when its bytes are broken, never waited for", async () => {
    const tar = await tarOf([
      { name: "a", content: "x".repeat(2000) },
      { name: "b/c", type: "symlink", linkname: "../a" },
      { name: "d".repeat(200), content: "long" },
    ]);
    const damage = fc.record({
      at: fc.nat(tar.length - 1),
      byte: fc.integer({ min: 0, max: 255 }),
      length: fc.nat(tar.length),
      compressed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, byte, length, compressed }) => {
        const whole = compressed ? gzipSync(tar) : Buffer.from(tar);
        whole[at % whole.length] = byte;
        const bytes = (compressed ? whole : gzipSync(whole)).subarray(0, Math.max(length, 1));
        const answer = await pushed.unpackBytes([bytes]).then(
          () => "unpacked",
          (error: Error) => `${error.name} ${error.message}`,
        );
        expect(answer).toMatch(/^(unpacked$|CannotPullContainerError )/);
        expect(await strays()).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("is refused when its configuration is none", async () => {
    const layer = gzipSync(await tarOf([{ name: "a", content: "x" }]));
    for (const config of [
      "{",
      "7",
      '{"config":7}',
      '{"config":{"Env":[7]}}',
      '{"config":{"Env":["=x"]}}',
      '{"config":{"Entrypoint":"node"}}',
      '{"config":{"WorkingDir":"\\u0000"}}',
    ])
      await expect(pushed.unpackBytes([layer], { config }), config).rejects.toThrow(
        /CannotPullContainerError: the configuration sha256:\w+ cannot be used: /,
      );
    expect((await pushed.unpackBytes([layer], { config: '{"config":null}' })).config.workingDir).toBe(sep);
  });
});
