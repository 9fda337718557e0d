import { join, resolve } from "node:path";
import { styleText } from "node:util";
import { connectAppRunner } from "../aws/apprunner.ts";
import type { Connection } from "../aws/connection.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { parseConfig } from "../core/config.ts";
import { targetName } from "../core/names.ts";
import { describeApplication } from "../infra/application.ts";
import { buildFunctions } from "../infra/build.ts";
import { createRealClock } from "../local/asl/index.ts";
import { startLaptop } from "../local/laptop.ts";
import { startPostgres } from "../local/postgres.ts";
import { provision } from "../local/provision.ts";
import type { ServiceEvent } from "../local/world.ts";
import config from "../spillway.config.ts";
import { readArguments, type StartArguments } from "./arguments.ts";
import { pollService, type Tally } from "./client.ts";
import { type Commit, cloneExample, releaseImages } from "./example.ts";
import { readNetworkSettings } from "./network-settings.ts";
import { createProgress } from "./progress.ts";
import { type Report, reportOf } from "./report.ts";
import { takeFolder } from "./state-folder.ts";

const root = resolve(import.meta.dirname, "..");
const prefix = "spillway";

/** Things to be ended, last first. */
class Ending {
  readonly #steps: (() => Promise<unknown>)[] = [];
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop())
      await step().catch(() => undefined);
  }
}

/** Starts everything, releases the example, and says what is live. @returns whether it was released. */
async function start(options: StartArguments, ending: Ending): Promise<boolean> {
  const clock = createRealClock();
  const began = clock.now();
  const progress = createProgress((line) => console.log(line), clock.now);
  const parsed = parseConfig(config);
  const application = describeApplication(parsed, prefix);
  const folder = await takeFolder(resolve(options.folder));
  ending.add(() => folder.release());
  const network = readNetworkSettings(process.env);
  const watchers = new Set<(event: ServiceEvent) => void>();

  const [source, postgres, bundles] = await Promise.all([
    cloneExample(root, join(folder.run, "source")),
    startPostgres({ folder: join(folder.run, "postgres"), clock }),
    buildFunctions(
      root,
      application.functions.map(({ file }) => file),
      join(folder.run, "functions"),
    ),
  ]);
  ending.add(() => postgres.stop());
  await postgres.createDatabase("web_production");
  const laptop = await startLaptop({
    clock,
    folder: folder.run,
    port: options.port,
    path: process.env.PATH ?? "",
    network,
    sources: () => source.folder,
    onEvent: (event) => {
      progress.onEvent(event);
      for (const watch of watchers) watch(event);
    },
    onFault: (where, error) =>
      progress.told(
        styleText(
          "red",
          `local AWS: ${where}: ${error instanceof Error ? error.message : JSON.stringify(error)}`,
        ),
      ),
  });
  ending.add(() => laptop.stop());
  const made = await provision(laptop.aws, {
    application,
    config: parsed,
    prefix,
    root,
    bundles,
    secrets: { "web/production/database": postgres.url("web_production") },
  });
  laptop.prewarm();
  const readyMilliseconds = clock.now() - began;
  progress.told(`local AWS at ${styleText("bold", laptop.url)}`);

  const connection: Connection = {
    now: clock.now,
    fetch,
    client: {
      endpoint: laptop.url,
      region: laptop.aws.world.region,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    },
  };
  const records = connectRecords(connection, made.table);

  /** Pushes a commit's images; the push starts the release, and its end is awaited. */
  async function release(commit: Commit): Promise<Report> {
    const ended = new Promise<void>((done) => {
      const watch = ({ "detail-type": type, detail }: ServiceEvent) => {
        const over =
          type === "Step Functions Execution Status Change" &&
          detail.stateMachineArn === made.machines.ReleaseMachine &&
          detail.status !== "RUNNING";
        if (!over) return;
        watchers.delete(watch);
        done();
      };
      watchers.add(watch);
    });
    const before = clock.now();
    const { digest } = await releaseImages(clock, source, commit, {
      registry: laptop.url,
      folder: folder.run,
      network,
      onLine: () => {},
    });
    const pushedAt = clock.now();
    await ended;
    const found = await records.release(`web-${digest.replace("sha256:", "").slice(0, 12)}-1`);
    if (found === undefined)
      throw new Error(`The push of ${digest} made no release; look at the log lines above.`);
    const environments = new Map();
    for (const name of Object.keys(parsed.services.web?.environments ?? {})) {
      const { url } = await connectAppRunner(connection).describe(targetName(prefix, "web", name));
      environments.set(name, { record: await records.environment("web", name), url });
    }
    return reportOf(found, await records.deployments(found.id), environments, {
      readyMilliseconds,
      imagesMilliseconds: pushedAt - before,
      pushToEndMilliseconds: clock.now() - pushedAt,
    });
  }

  let report = await release(source.head);
  let tally: Tally | undefined;
  say(report);
  if (options.scenario !== undefined && report.outcome === "Released") {
    const client = pollService(clock, report.environments.production?.url ?? "", 20);
    progress.told(`scenario ${options.scenario}: releasing a commit that goes wrong`);
    report = await release(await source.commitScenario(options.scenario));
    tally = await client.stop();
    say(report);
    console.log(
      `A client asked all along: ${tally.requests} requests, ${tally.failed} failed (${JSON.stringify(tally.answers)}).`,
    );
  }
  if (options.json)
    console.log(JSON.stringify({ ...report, ...(tally === undefined ? {} : { client: tally }) }));
  if (!options.once)
    console.log(
      `\nIt stays up. End it with Ctrl-C.\n  AWS_ENDPOINT_URL=${laptop.url} aws stepfunctions list-executions --state-machine-arn ${made.machines.ReleaseMachine}`,
    );
  return report.outcome === "Released";
}

function say({ outcome, release, reason, environments, timings }: Report): void {
  const colour = outcome === "Released" ? "green" : "yellow";
  console.log(
    `\n${styleText(["bold", colour], outcome)}  ${release}  in ${((timings.pushToEndMilliseconds ?? 0) / 1000).toFixed(1)} s`,
  );
  if (outcome !== "Released") console.log(`  why       ${reason}`);
  for (const [name, { digest, commit, schema, url }] of Object.entries(environments))
    console.log(
      `  ${name}\n    live    ${digest ?? "nothing"}\n    commit  ${commit ?? "unknown"}\n    schema  ${schema ?? "none"}\n    url     ${url ?? "none"}\n`,
    );
}

const ending = new Ending();
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    if (interrupted) process.exit(130);
    interrupted = true;
    console.log("\nStopping …");
    void ending.run().then(() => process.exit(0));
  });

try {
  const options = readArguments(process.argv.slice(2));
  const released = await start(options, ending);
  if (options.once) {
    await ending.run();
    process.exit(released ? 0 : 1);
  }
} catch (error) {
  if (!interrupted) {
    console.error(
      styleText("red", error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
    );
    await ending.run();
    process.exit(1);
  }
}
