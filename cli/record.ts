import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { connectRecords } from "../aws/dynamodb.ts";
import { tableName } from "../core/names.ts";
import { findInstallation } from "./address.ts";
import { installationOptions, runCommand } from "./command.ts";
import { shownJson } from "./lines.ts";
import { readReleaseRecord, renderReleaseRecord } from "./release-record.ts";

const usage = `npm run record -- RELEASE [--json] [--folder DIR] [--prefix NAME]

  what is on record of a release: what, why, by whom, what was found, changed, seen and decided, and how it ended

  RELEASE        as npm run status and every execution name it, such as web-3f2a91c0d4e5-1
  --json         print the records instead, as one JSON object
  --folder DIR   the state folder of npm start (default: .spillway)
  --prefix NAME  what the installation's names begin with (default: spillway)`;

/** @returns the exit status: 0, or 2 when the command cannot be used like that. */
async function run(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      ...installationOptions,
    },
  });
  const [release, ...more] = positionals;
  if (release === undefined || more.length > 0) {
    console.error(usage);
    return 2;
  }
  const { connection, prefix } = await findInstallation(resolve(values.folder), values.prefix, process.env);
  const record = await readReleaseRecord(connectRecords(connection, tableName(prefix)), release);
  console.log(values.json ? shownJson(record, 2) : renderReleaseRecord(record));
  return 0;
}

await runCommand(usage, run);
