import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createUnpacker, readReference } from "../../local/images/unpack.ts";
import { createPushedLayers, type Entry, type PushedLayers } from "./pushed-layers.ts";

let folder: string;
let pushed: PushedLayers;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-unpack-"));
  pushed = await createPushedLayers(join(folder, "state"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const unpack = (...layers: Entry[][]) => pushed.unpack(...layers);

describe("unpacking an image", () => {
  it("applies layers in order, with whiteouts, and reads how it is started", async () => {
    const { root, config, has } = await unpack(
      [
        { name: "app/main.js", content: "one" },
        { name: "app/gone.js", content: "x" },
        { name: "old/a", content: "x" },
      ],
      [
        { name: "app/main.js", content: "two" },
        { name: "app/.wh.gone.js" },
        { name: "old/.wh..wh..opq" },
        { name: "old/b", content: "y" },
      ],
    );
    expect(await readFile(join(root, "app/main.js"), "utf8")).toBe("two");
    expect(await readdir(join(root, "app"))).toEqual(["main.js"]);
    expect(await readdir(join(root, "old"))).toEqual(["b"]);
    expect(config).toMatchObject({
      entrypoint: ["node", "/app/main.js"],
      environment: { A: "b=c" },
      workingDir: "/app",
    });
    expect([has("/app/main.js"), has("/../../etc/passwd")]).toEqual([true, false]);
  });

  it.each<[string, Entry[]]>([
    ["a path that climbs out", [{ name: "../../../outside", content: "bad" }]],
    ["an absolute path", [{ name: "/outside", content: "bad" }]],
    [
      "a symlink out, then a file through it",
      [
        { name: "door", type: "symlink", linkname: "../../../.." },
        { name: "door/outside", content: "bad" },
      ],
    ],
    [
      "a chain of symlinks out",
      [
        { name: "a", type: "symlink", linkname: ".." },
        { name: "b", type: "symlink", linkname: "a/../../.." },
        { name: "b/outside", content: "bad" },
      ],
    ],
    ["a whiteout of the folder above", [{ name: ".wh..." }, { name: "keep/.wh..." }, { name: ".wh.." }]],
    [
      "a hard link to a file outside",
      [{ name: "outside", type: "link", linkname: "../../../../../../etc/hostname" }],
    ],
  ])("writes nothing outside its root: %s", async (_what, entries) => {
    await unpack([{ name: "keep", content: "x" }, ...entries]).catch(() => undefined);
    expect(await readdir(folder)).toEqual(["state"]);
    expect((await readdir(join(folder, "state"))).toSorted()).toEqual(["images"]);
    expect((await readdir(join(folder, "state/images"))).toSorted()).toEqual([
      "blobs",
      "repositories.json",
      "unpacked",
    ]);
    expect(await stat("/outside").catch(() => undefined)).toBeUndefined();
  });

  it("names an image that is not there as ECS does", async () => {
    const { world, store } = pushed;
    expect(() => createUnpacker(world, store)("host/web:nope")).toThrow(
      /CannotPullContainerError: failed to resolve ref web:nope/,
    );
    expect(() => createUnpacker(world, store)("host/other:nope")).toThrow(/CannotPullContainerError/);
  });

  it("reads references as they are written", () => {
    expect(readReference("host.example/team/web@sha256:ab")).toEqual({
      repository: "team/web",
      reference: "sha256:ab",
    });
    expect(readReference("127.0.0.1:4566/web:v1")).toEqual({ repository: "web", reference: "v1" });
    expect(readReference("host/web")).toEqual({ repository: "web", reference: "latest" });
  });
});
