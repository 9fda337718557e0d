import { resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import { connectAppRunner } from "../aws/apprunner.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectLogReader } from "../aws/log-reader.ts";
import { migrationKey, migrationPurposes, tableName, targetLogGroup } from "../core/names.ts";
import type { Deployment, Release } from "../core/records.ts";
import { resourcesOf, targetOf } from "../core/settings.ts";
import { connectAccount } from "./account-connection.ts";
import { type Address, findInstallation } from "./address.ts";
import { installationOptions, runCommand } from "./command.ts";
import { shown } from "./lines.ts";
import {
  choosePlaces,
  type LogPlace,
  latestDeployments,
  placeOfMigration,
  placesOfBuilds,
  renderLine,
  renderPlaces,
} from "./log-places.ts";

const usage = `npm run logs -- RELEASE [STAGE] [--environment NAME] [--folder DIR] [--prefix NAME]

  RELEASE             such as web-3f2a91c0d4e5-1; without STAGE, what there is to read of it
  STAGE               a stage, or migration, deployment (what App Runner did), service (what the application printed)
                      (what looks like a secret is shown as ***; aws logs get-log-events shows all)
  --environment NAME  of one environment only
  --folder DIR        the state folder of npm start (default: .spillway)
  --prefix NAME       what the installation's names begin with (default: spillway)`;

/** Every place where something of a release was logged. */
async function findPlaces(
  { connection, prefix }: Address,
  release: Release,
  deployments: readonly Deployment[],
): Promise<LogPlace[]> {
  const places = placesOfBuilds(release, deployments);
  const records = connectRecords(connection, tableName(prefix));
  for (const deployment of deployments) {
    const { environment } = deployment;
    for (const purpose of migrationPurposes) {
      const wait = await records.wait(migrationKey(deployment, purpose));
      if (wait !== undefined) places.push(...placeOfMigration(wait, environment, purpose));
    }
  }
  for (const { environment, outcome: state = "open" } of latestDeployments(deployments)) {
    const { access } = resourcesOf(release, environment);
    const { arn } = await connectAppRunner(connectAccount(connection, access)).describe(
      targetOf(release, environment),
    );
    if (arn === undefined) continue;
    const every = { environment, state, access, stream: { prefix: "" } };
    places.push({ ...every, name: "service", group: targetLogGroup(arn, "application") });
    places.push({ ...every, name: "deployment", group: targetLogGroup(arn, "service") });
  }
  return places;
}

async function print({ connection }: Address, place: LogPlace): Promise<void> {
  const { group, stream, access } = place;
  const reader = connectLogReader(connectAccount(connection, access));
  const streams = typeof stream === "string" ? [stream] : await reader.streams(group, stream.prefix);
  for (const name of streams) {
    console.log(styleText("dim", shown(`── ${group} ${name}`)));
    for await (const line of reader.read(group, name)) console.log(renderLine(line));
  }
}

/** @returns the exit status: 0, or 2 when what was asked for is not there. */
async function run(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      environment: { type: "string" },
      ...installationOptions,
    },
  });
  const [id, stage, ...more] = positionals;
  if (id === undefined || more.length > 0) {
    console.error(usage);
    return 2;
  }
  const address = await findInstallation(resolve(values.folder), values.prefix, process.env);
  const records = connectRecords(address.connection, tableName(address.prefix));
  const release = await records.requireRelease(id);
  const places = await findPlaces(address, release, await records.deployments(id));
  if (stage === undefined) {
    console.log(`${release.outcome ?? "open"}: ${shown(release.reason ?? "it is on its way")}\n`);
    console.log(renderPlaces(id, places));
    return 0;
  }
  const chosen = choosePlaces(places, stage, values.environment);
  for (const place of chosen) await print(address, place);
  if (chosen.length > 0) return 0;
  console.error(
    `There is no log of ${shown(stage)} for ${shown(id)}. There is:\n${renderPlaces(id, places)}`,
  );
  return 2;
}

await runCommand(usage, run);
