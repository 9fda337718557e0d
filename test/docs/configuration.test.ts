import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { page, renderConfiguration } from "../../docs/configuration.ts";

it("docs/configuration.md lists every setting as it is; npm run configuration writes it", async () => {
  const current = (await readFile(page, "utf8")) === renderConfiguration();
  expect(current, "core/config.ts or core/account.ts has changed: run npm run configuration").toBe(true);
});
