import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AppRunnerClient, ListOperationsCommand, ListServicesCommand } from "@aws-sdk/client-apprunner";
import { DescribeTasksCommand, ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import { type HistoryEvent, SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import type { Connection } from "../aws/connection.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { parseConfig } from "../core/config.ts";
import { tableName } from "../core/names.ts";
import config from "../spillway.config.ts";
import { table } from "./figures.ts";
import { countSteps, readHistories, type Steps } from "./histories.ts";

/** What is aimed at for a release to two environments, and for the memory of the local AWS. */
const aims = { wallSeconds: 90, orchestrationSeconds: 5, peakMegabytes: 400 };

/** One build of a stage. */
const Build = z.object({ stage: z.string(), milliseconds: z.number() });
type Build = z.infer<typeof Build>;

const Report = z.object({
  outcome: z.string(),
  release: z.string(),
  reason: z.optional(z.string()),
  stages: z.array(Build),
  timings: z.object({
    readyMilliseconds: z.number(),
    imagesMilliseconds: z.number(),
    pushToEndMilliseconds: z.number(),
  }),
});

const service = readService();

/** What one release cost; times in milliseconds. */
export interface ReleaseCost {
  readonly outcome: string;
  readonly reason: string | undefined;
  /** From the start of the command to its report, and what it is made of. */
  readonly wallMilliseconds: number;
  readonly timings: z.infer<typeof Report>["timings"];
  /** What the release cannot be quicker than, part by part. */
  readonly criticalPath: Readonly<Record<string, number>>;
  readonly executions: number;
  readonly steps: Steps;
  /** Of the process that is the local AWS; undefined where the system does not tell. */
  readonly peakMegabytes: number | undefined;
}

/**
 * Releases the example once, to the environments of its waves, with the command that a user types, and reads its cost from the histories of the
 * local AWS, which is left up just long enough to be asked.
 */
export async function benchRelease(): Promise<ReleaseCost> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  const script = join(import.meta.dirname, "..", "cli", "start.ts");
  const started = performance.now();
  const child = spawn(process.execPath, [script, "--json", "--folder", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  try {
    let url: string | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      url ??= /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (!line.startsWith('{"outcome"')) continue;
      const wallMilliseconds = performance.now() - started;
      const { outcome, release, reason, stages, timings } = Report.parse(JSON.parse(line));
      const peakMegabytes = await readPeak(child.pid);
      if (url === undefined)
        throw new Error("The command reported a release but no address of its local AWS.");
      const { executions, steps, ...parts } = await askLocalAws(url, release);
      const criticalPath = { "longest track of stages": longestTrack(service.tracks, stages), ...parts };
      return { outcome, reason, wallMilliseconds, timings, criticalPath, executions, steps, peakMegabytes };
    }
    throw new Error("The command ended without a report; its own words are above.");
  } finally {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

function readService() {
  const { web } = parseConfig(config).services;
  if (web === undefined) throw new Error("spillway.config.ts has no service web.");
  // What environments do side by side would have to be told apart from what they do one after another.
  if (web.waves.some((wave) => wave.length > 1)) throw new Error("A wave has several environments.");
  return web;
}

/** A stage takes as long as its slowest build. A track is as long as its stages one after another. */
function longestTrack(tracks: readonly (readonly string[])[], builds: readonly Build[]): number {
  const longest = (name: string) =>
    Math.max(0, ...builds.filter(({ stage }) => stage === name).map(({ milliseconds }) => milliseconds));
  return Math.max(0, ...tracks.map((track) => track.reduce((sum, stage) => sum + longest(stage), 0)));
}

/** Everything but the stages comes one after another, so that sums are on the critical path. */
async function askLocalAws(endpoint: string, release: string) {
  const client = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  };
  const histories = await readHistories(new SFNClient(client));
  return {
    "database tasks": await taskMilliseconds(new ECSClient(client)),
    "App Runner operations": await operationMilliseconds(new AppRunnerClient(client)),
    "health waits": histories.reduce((sum, history) => sum + waitMilliseconds(history), 0),
    ...(await verificationMilliseconds({ now: Date.now, fetch, client }, release)),
    executions: histories.length,
    steps: countSteps(histories),
  };
}

async function verificationMilliseconds(
  connection: Connection,
  release: string,
): Promise<Record<string, number>> {
  const deployments = await connectRecords(connection, tableName("spillway")).deployments(release);
  return Object.fromEntries(
    deployments.map(({ environment, verification }) => {
      const tracks = service.environments[environment]?.verification ?? [];
      const builds = Object.values(verification).map(({ stage, startedAt, endedAt }) => ({
        stage,
        milliseconds: endedAt - startedAt,
      }));
      return [`verification of ${environment}`, longestTrack(tracks, builds)];
    }),
  );
}

/** Wait states only, each from its entry to the exit that follows; the example has no two at a time. */
function waitMilliseconds(history: readonly HistoryEvent[]): number {
  let total = 0;
  let enteredAt: number | undefined;
  for (const { type, timestamp } of history) {
    if (timestamp === undefined) continue;
    if (type === "WaitStateEntered") enteredAt = timestamp.getTime();
    if (type !== "WaitStateExited" || enteredAt === undefined) continue;
    total += timestamp.getTime() - enteredAt;
    enteredAt = undefined;
  }
  return total;
}

/** Of the tasks that ask a database where it stands, and of those that migrate it. */
async function taskMilliseconds(ecs: ECSClient): Promise<number> {
  const cluster = "spillway";
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, desiredStatus: "STOPPED" }));
  if (taskArns.length === 0) return 0;
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  return tasks.reduce((sum, { createdAt, stoppedAt }) => sum + between(createdAt, stoppedAt), 0);
}

async function operationMilliseconds(appRunner: AppRunnerClient): Promise<number> {
  const { ServiceSummaryList = [] } = await appRunner.send(new ListServicesCommand({}));
  let total = 0;
  for (const { ServiceArn } of ServiceSummaryList) {
    const { OperationSummaryList = [] } = await appRunner.send(new ListOperationsCommand({ ServiceArn }));
    for (const { StartedAt, EndedAt } of OperationSummaryList) total += between(StartedAt, EndedAt);
  }
  return total;
}

function between(from: Date | undefined, to: Date | undefined): number {
  return from === undefined || to === undefined ? 0 : to.getTime() - from.getTime();
}

/** The peak of resident memory that Linux keeps for a process. */
async function readPeak(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

/** A table; the orchestration is what is left of push-to-end without the critical path. */
export function renderReleaseBench(cost: ReleaseCost): string {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
  const { timings, steps, peakMegabytes } = cost;
  const path = Object.values(cost.criticalPath).reduce((sum, part) => sum + part, 0);
  const whole = timings.pushToEndMilliseconds;
  const peak = peakMegabytes === undefined ? "not told" : `${peakMegabytes.toFixed(0)} MB`;
  const environments = service.waves.flat().join(" and ");
  return [
    `One release of the example to ${environments}: ${cost.outcome}${cost.reason === undefined ? "" : ` (${cost.reason})`}`,
    table(
      ["", "measured", "aim"],
      [
        ["command to report", seconds(cost.wallMilliseconds), `< ${aims.wallSeconds} s`],
        ["local AWS ready", seconds(timings.readyMilliseconds), ""],
        ["images built and pushed", seconds(timings.imagesMilliseconds), ""],
        ["push to end", seconds(whole), ""],
        ...Object.entries(cost.criticalPath).map(([name, part]) => [`of it: ${name}`, seconds(part), ""]),
        [
          "orchestration (push to end − critical path)",
          seconds(whole - path),
          `< ${aims.orchestrationSeconds} s`,
        ],
        ["push to end ÷ critical path", path === 0 ? "no critical path" : (whole / path).toFixed(2), ""],
        ["executions", String(cost.executions), ""],
        ["transitions", String(steps.transitions), ""],
        ["functions invoked by them", String(steps.invocations), ""],
        ["peak memory of the local AWS", peak, `< ${aims.peakMegabytes} MB`],
      ],
    ),
  ].join("\n");
}
