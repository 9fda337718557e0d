import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/**
 * Bundles functions, one file each: the bytes that run in AWS and on a laptop.
 * @param files paths of `functions/*.ts` under `root`.
 * @returns file → path of its bundle.
 */
export async function buildFunctions(
  root: string,
  files: readonly string[],
  folder = join(root, "dist/functions"),
): Promise<Map<string, string>> {
  await build({
    absWorkingDir: root,
    entryPoints: [...files],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    mainFields: ["module", "main"],
    alias: { "@aws-sdk/credential-provider-node": join(root, "infra/lambda-credentials.ts") },
    // Some dependencies of the SDK are CommonJS and ask for Node's own modules by require.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    legalComments: "none",
    logLevel: "warning",
  });
  return new Map(files.map((file) => [file, join(folder, basename(file).replace(/\.ts$/, ".mjs"))]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { default: input } = await import("../spillway.config.ts");
  const { parseConfig } = await import("../core/config.ts");
  const { describeApplication } = await import("./application.ts");
  const root = join(import.meta.dirname, "..");
  const { functions } = describeApplication(parseConfig(input), "spillway");
  for (const [file, bundle] of await buildFunctions(
    root,
    functions.map(({ file }) => file),
  ))
    console.log(`${file} → ${((await stat(bundle)).size / 1024).toFixed(0)} KB`);
}
