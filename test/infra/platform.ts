import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
export const platform = join(root, ".sst/platform");

/** Why the tests with SST's components cannot run here, and what to type; undefined if they can. */
export const platformMissing = existsSync(join(platform, "node_modules/@pulumi/aws/package.json"))
  ? undefined
  : "Tests of infra/ skipped: SST's platform is not here; npm run infra:install puts it there (a minute, 320 MB)";

if (platformMissing !== undefined) console.warn(platformMissing);
