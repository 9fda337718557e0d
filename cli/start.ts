import { join, relative, resolve } from "node:path";
import { styleText } from "node:util";
import { createRealClock } from "../local/asl/index.ts";
import { readArguments, type StartArguments, UsageError } from "./arguments.ts";
import { readConfig } from "./config-file.ts";
import { Ending } from "./ending.ts";
import { startInstallation } from "./installation.ts";
import { shown, shownJson } from "./lines.ts";
import { createProgress } from "./progress.ts";
import { releaseHead } from "./release.ts";
import { type Report, renderReport } from "./report.ts";
import { renderResumed } from "./resumed.ts";
import {
  type Played,
  playScenario,
  renderPlayed,
  renderScenarios,
  type Scenario,
  scenarios,
} from "./scenarios.ts";

const ownConfig = join(import.meta.dirname, "..", "spillway.config.ts");
const clock = createRealClock();
const ending = new Ending();

/** Starts everything, releases the example, and says what is live. @returns whether all ended as it should. */
async function start(options: StartArguments): Promise<boolean> {
  const progress = createProgress((line) => console.log(line), clock.now);
  const config = await readConfig(options.config ?? relative("", ownConfig));
  progress.told(styleText("dim", "starting the local AWS, its database and the functions …"));
  const installation = await startInstallation(
    {
      clock,
      config,
      prefix: "spillway",
      folder: resolve(options.folder),
      fresh: options.fresh,
      port: options.port,
      onEvent: progress.onEvent,
      onFault: progress.onFault,
    },
    ending,
  );
  const { laptop, made, source } = installation;
  progress.told(`local AWS at ${styleText("bold", laptop.url)}`);

  for (const line of renderResumed(installation.resumed)) progress.told(line);

  const live = await releaseHead(installation, source.head, progress.told);
  console.log(renderReport(live));
  const played: Played[] = [];
  for (const scenario of live.outcome === "Released" ? chosen(options) : []) {
    const one = await playScenario(installation, scenario, live, progress.told);
    console.log(renderReport(one.report));
    console.log(renderPlayed(one));
    played.push(one);
  }
  if (options.json) console.log(shownJson(lastLine(live, played)));
  if (!options.once)
    console.log(
      `\nIt stays up. End it with Ctrl-C.\n  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n  aws --endpoint-url ${laptop.url} --region us-east-1 stepfunctions list-executions --state-machine-arn ${made.machines.ReleaseMachine}`,
    );
  if (options.scenario === "all")
    return played.length === scenarios.length && played.every(({ endedAsTold }) => endedAsTold);
  return (played[0]?.report ?? live).outcome === "Released";
}

function chosen({ scenario: asked }: StartArguments): readonly Scenario[] {
  return asked === "all" ? scenarios : scenarios.filter(({ name }) => name === asked);
}

/** The last report that there is; of each scenario if several were played. */
function lastLine(live: Report, played: readonly Played[]): object {
  const described = played.map(({ scenario: { name, ends }, report, clients, endedAsTold }) => ({
    ...report,
    scenario: { name, ends, endedAsTold },
    clients,
  }));
  const [first, second] = described;
  return second === undefined ? (first ?? live) : { ...live, scenarios: described };
}

/** npm hands Ctrl-C on to a process that the terminal has told already: that is one press, not two. */
const ONE_PRESS_MILLISECONDS = 500;
/** The signals that end the command, and the exit status of one that was not done. */
const statuses = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
let status: number | undefined;
let interruptedAt: number | undefined;

function interrupt(unfinished: number): void {
  if (interruptedAt !== undefined) {
    if (clock.now() - interruptedAt > ONE_PRESS_MILLISECONDS) process.exit(unfinished);
    return;
  }
  interruptedAt = clock.now();
  console.log("\nStopping …");
  void ending.run().then(() => process.exit(status ?? unfinished));
}

for (const [signal, unfinished] of Object.entries(statuses)) process.on(signal, () => interrupt(unfinished));
// Whoever read our output is gone: a terminal that was closed, or the other end of a pipe.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => interrupt(statuses.SIGHUP));

try {
  const options = readArguments(process.argv.slice(2));
  if (options.scenario === "list") {
    console.log(renderScenarios());
    process.exit(0);
  }
  status = (await start(options)) ? 0 : 1;
  if (!options.once) status = 0;
  if (options.once && interruptedAt === undefined) {
    await ending.run();
    process.exit(status);
  }
} catch (error) {
  if (interruptedAt === undefined) {
    console.error(
      styleText("red", shown(error instanceof Error ? `${error.name}: ${error.message}` : String(error))),
    );
    await ending.run();
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}
