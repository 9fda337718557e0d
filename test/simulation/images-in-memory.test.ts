import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KeptImages, keepImagesIn } from "../../local/ecr/kept-images.ts";
import { keepImagesInMemory } from "./images-in-memory.ts";

const hex = "a".repeat(64);
const bytes = (content: string) => new TextEncoder().encode(content);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-images-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each<[string, () => Promise<KeptImages>]>([
  ["in a folder", () => keepImagesIn(folder)],
  ["in memory", async () => keepImagesInMemory()],
])("images that are kept %s", (_where, keep) => {
  it("are read as they were written, part by part, once all of them is there", async () => {
    const kept = await keep();
    const blob = await kept.begin("one");
    const part = bytes("first ");
    await blob.write(part);
    part.fill(0);
    await blob.write(bytes("second"));
    expect(await kept.size(hex)).toBeUndefined();
    await blob.keep(hex);
    expect(await kept.size(hex)).toBe(12);
    (await kept.read(hex)).fill(0);
    expect((await kept.read(hex)).toString()).toBe("first second");
    expect(await text(kept.stream(hex))).toBe("first second");
  });

  it("are not there if they were dropped, or never begun", async () => {
    const kept = await keep();
    const blob = await kept.begin("one");
    await blob.write(bytes("a part"));
    await blob.drop();
    expect(await kept.size(hex)).toBeUndefined();
    await expect(kept.read(hex)).rejects.toThrow();
    await expect((async () => text(kept.stream(hex)))()).rejects.toThrow();
  });

  it("are replaced by the same once more, and begun by one name once at a time", async () => {
    const kept = await keep();
    for (const content of ["the same", "the same"]) {
      const blob = await kept.begin("one");
      await expect(kept.begin("one")).rejects.toThrow();
      await blob.write(bytes(content));
      await blob.keep(hex);
    }
    expect((await kept.read(hex)).toString()).toBe("the same");
  });

  it("have an index, the last that was written", async () => {
    const kept = await keep();
    expect(await kept.readIndex()).toBe("[]");
    await kept.writeIndex('[{"name":"web"}]');
    await kept.writeIndex("[1]");
    expect(await kept.readIndex()).toBe("[1]");
  });
});
