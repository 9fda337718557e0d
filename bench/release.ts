import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AppRunnerClient, ListOperationsCommand, ListServicesCommand } from "@aws-sdk/client-apprunner";
import { DescribeTasksCommand, ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import {
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import config from "../spillway.config.ts";
import { table } from "./figures.ts";

const Report = z.object({
  outcome: z.string(),
  reason: z.optional(z.string()),
  stages: z.array(z.object({ stage: z.string(), passed: z.boolean(), milliseconds: z.number() })),
  timings: z.object({
    readyMilliseconds: z.number(),
    imagesMilliseconds: z.number(),
    pushToEndMilliseconds: z.number(),
  }),
});

/** What one release cost; times in milliseconds. */
export interface ReleaseCost {
  readonly outcome: string;
  readonly reason: string | undefined;
  /** From the start of the command to its report, and what it is made of. */
  readonly wallMilliseconds: number;
  readonly timings: z.infer<typeof Report>["timings"];
  /** What the release cannot be quicker than, part by part. */
  readonly criticalPath: Readonly<Record<string, number>>;
  readonly counts: {
    readonly executions: number;
    readonly transitions: number;
    readonly invocations: number;
  };
  /** Of the process that is the local AWS; undefined where the system does not tell. */
  readonly peakMegabytes: number | undefined;
}

/**
 * Releases the example once with the command that a user types, and reads its cost from the histories of the
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
      const { outcome, reason, stages, timings } = Report.parse(JSON.parse(line));
      const peakMegabytes = await readPeak(child.pid);
      if (url === undefined)
        throw new Error("The command reported a release but no address of its local AWS.");
      const { counts, ...parts } = await askLocalAws(url);
      const criticalPath = { "longest track of stages": longestTrack(stages), ...parts };
      return { outcome, reason, wallMilliseconds, timings, criticalPath, counts, peakMegabytes };
    }
    throw new Error("The command ended without a report; its own words are above.");
  } finally {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

/** A stage that ran again counts once: the evidence is of its last build. */
function longestTrack(stages: z.infer<typeof Report>["stages"]): number {
  const took = new Map(stages.map(({ stage, milliseconds }) => [stage, milliseconds]));
  const tracks = Object.values(config.services).flatMap((service) => service.tracks ?? []);
  return Math.max(0, ...tracks.map((track) => track.reduce((sum, stage) => sum + (took.get(stage) ?? 0), 0)));
}

async function askLocalAws(endpoint: string) {
  const client = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  };
  const histories = await readHistories(new SFNClient(client));
  const events = histories.flat();
  const count = (type: RegExp) => events.filter((event) => type.test(event.type ?? "")).length;
  return {
    "migration task": await migrationMilliseconds(new ECSClient(client)),
    "App Runner operation": await operationMilliseconds(new AppRunnerClient(client)),
    "health waits": histories.reduce((sum, history) => sum + waitMilliseconds(history), 0),
    counts: {
      executions: histories.length,
      transitions: count(/StateEntered$/),
      invocations: events.filter(
        ({ type, taskScheduledEventDetails: task }) =>
          type === "TaskScheduled" && task?.resourceType === "lambda",
      ).length,
    },
  };
}

async function readHistories(sfn: SFNClient): Promise<HistoryEvent[][]> {
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
  const histories: HistoryEvent[][] = [];
  for (const { stateMachineArn } of stateMachines) {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
    for (const { executionArn } of executions) {
      const history: HistoryEvent[] = [];
      let nextToken: string | undefined;
      do {
        const page = await sfn.send(new GetExecutionHistoryCommand({ executionArn, nextToken }));
        history.push(...(page.events ?? []));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      histories.push(history);
    }
  }
  return histories;
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

async function migrationMilliseconds(ecs: ECSClient): Promise<number> {
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
  const { timings, counts, peakMegabytes } = cost;
  const path = Object.values(cost.criticalPath).reduce((sum, part) => sum + part, 0);
  const whole = timings.pushToEndMilliseconds;
  return [
    `One release of the example: ${cost.outcome}${cost.reason === undefined ? "" : ` (${cost.reason})`}`,
    table(
      ["", "measured"],
      [
        ["command to report", seconds(cost.wallMilliseconds)],
        ["local AWS ready", seconds(timings.readyMilliseconds)],
        ["images built and pushed", seconds(timings.imagesMilliseconds)],
        ["push to end", seconds(whole)],
        ...Object.entries(cost.criticalPath).map(([name, part]) => [`of it: ${name}`, seconds(part)]),
        ["orchestration (push to end − critical path)", seconds(whole - path)],
        ["push to end ÷ critical path", path === 0 ? "no critical path" : (whole / path).toFixed(2)],
        ["executions", String(counts.executions)],
        ["states entered", String(counts.transitions)],
        ["functions invoked by them", String(counts.invocations)],
        [
          "peak memory of the local AWS",
          peakMegabytes === undefined ? "not told" : `${peakMegabytes.toFixed(0)} MB`,
        ],
      ],
    ),
  ].join("\n");
}
