import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Checks the types of `infra/` against SST's own, where they are. */
const root = resolve(import.meta.dirname, "..");
if (existsSync(join(root, ".sst/platform/node_modules/@pulumi/aws/package.json"))) {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  process.exitCode =
    spawnSync(process.execPath, [tsc, "-p", "tsconfig.infra.json"], { cwd: root, stdio: "inherit" }).status ??
    1;
} else
  console.log("infra/: types not checked, SST's platform is not here; npm run infra:install puts it there");
