import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { describeApplication } from "../../infra/application.ts";
import { buildFunctions } from "../../infra/build.ts";
import config from "../../spillway.config.ts";

const run = promisify(execFile);
const files = describeApplication(parseConfig(config), "spillway").functions.map(({ file }) => file);

describe("the bundles of the functions", () => {
  let folder = "";
  let bundles: ReadonlyMap<string, string> = new Map();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spillway-bundles-"));
    bundles = await buildFunctions(join(import.meta.dirname, "../.."), files, folder);
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("hold at most 400 KB each", async () => {
    const sizes = await Promise.all(
      [...bundles].map(async ([file, bundle]) => ({ file, kilobytes: (await stat(bundle)).size / 1024 })),
    );
    expect(sizes.filter(({ kilobytes }) => kilobytes > 400)).toEqual([]);
  });

  it("export a handler each, with nothing but Node beside them", async () => {
    const program = `for (const bundle of process.argv.slice(1))
      console.log(typeof (await import(bundle)).handler);`;
    const { stdout } = await run(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        program,
        "--",
        ...[...bundles.values()].map((bundle) => pathToFileURL(bundle).href),
      ],
      { cwd: folder, env: { AWS_REGION: "us-east-1" } },
    );
    expect(stdout.trim().split("\n")).toEqual(files.map(() => "function"));
  });
});
