import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { connectRecords } from "../aws/dynamodb.ts";
import { tableName } from "../core/names.ts";
import { findInstallation } from "./address.ts";
import { installationOptions, runCommand } from "./command.ts";
import { readStatus, renderStatus } from "./environment-status.ts";
import { shownJson } from "./lines.ts";

const usage = `npm run status -- [SERVICE [ENVIRONMENT]] [--json] [--folder DIR] [--prefix NAME]

  what is live, who changes it and why, who is next and for what it waits, and what keeps it from changing

  --json         print the records instead, as one JSON array
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
  const [service, environment, ...more] = positionals;
  if (more.length > 0) {
    console.error(usage);
    return 2;
  }
  const { connection, prefix } = await findInstallation(resolve(values.folder), values.prefix, process.env);
  const statuses = await readStatus(connectRecords(connection, tableName(prefix)), { service, environment });
  console.log(values.json ? shownJson(statuses, 2) : renderStatus(statuses));
  return 0;
}

await runCommand(usage, run);
