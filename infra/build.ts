import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** What the SDK brings along and no function uses. */
const leaveOut: Plugin = {
  name: "leave-out",
  setup({ onLoad, onResolve, resolve }) {
    // Only a function that reckons with calendars calls it; to the others it is nothing, which it forgot to say.
    onResolve({ filter: /^rrule-temporal$/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === "resolved") return undefined;
      const { importer, namespace, resolveDir, kind } = from;
      const found = await resolve(path, { importer, namespace, resolveDir, kind, pluginData: "resolved" });
      return { ...found, sideEffects: false };
    });
    // The clients read their version from their package.json, and nothing else.
    onLoad({ filter: /@aws-sdk[\\/][^\\/]+[\\/]package\.json$/ }, async ({ path }) => {
      const { version }: { version: string } = JSON.parse(await readFile(path, "utf8"));
      return { contents: JSON.stringify({ version }), loader: "json" };
    });
  },
};

/** Where the bundle of `functions/run-stage.ts` is in the folder of bundles: alone in a folder of its own. */
function bundleOf(file: string): string {
  return join(basename(file, ".ts"), "index");
}

/**
 * Bundles functions, one file and one folder each: the bytes that run in AWS and on a laptop.
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
    entryPoints: files.map((file) => ({ in: file, out: bundleOf(file) })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    mainFields: ["module", "main"],
    alias: {
      "@aws-sdk/credential-provider-node": join(root, "infra/lambda-credentials.ts"),
      "@smithy/core/event-streams": join(root, "infra/event-streams.ts"),
      "@aws-sdk/endpoint-cache": join(root, "infra/endpoint-cache.ts"),
    },
    plugins: [leaveOut],
    // Some dependencies of the SDK are CommonJS and ask for Node's own modules by require.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    legalComments: "none",
    logLevel: "warning",
  });
  return new Map(files.map((file) => [file, join(folder, `${bundleOf(file)}.mjs`)]));
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
