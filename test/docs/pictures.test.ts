import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { expect, it } from "vitest";
import { drawPictures } from "../../docs/picture.ts";

it("the pictures show the state machines as they are; npm run picture draws them", async () => {
  for (const [file, svg] of await drawPictures())
    expect((await readFile(file, "utf8")) === svg, basename(file)).toBe(true);
});
