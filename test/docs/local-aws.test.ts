import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { page, renderOperations, withOperations } from "../../docs/operations.ts";
import { createWorld } from "../simulation/world.ts";

it("docs/local-aws.md names exactly the operations that are served; npm run operations writes them", async () => {
  const world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  const text = await readFile(page, "utf8");
  const table = renderOperations(world.aws.gateway.served);
  await world.close();
  expect(withOperations(text, table)).toBe(text);
});
