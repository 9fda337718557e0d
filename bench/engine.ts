import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StateMachineDefinition } from "aws-local-stepfunctions";
import {
  createRealClock,
  type Definition,
  type Execution,
  type ExecutionOptions,
  parseStateMachine,
  recordExecution,
  startExecution,
  type TaskRunner,
  TaskTokens,
} from "../local/asl/index.ts";
import { createExecutionStore } from "../local/step-functions/execution-store.ts";
import { openStore } from "../local/store.ts";

const EXECUTIONS = 1000;
const ROUNDS = 5;
const RESOURCE = "arn:aws:lambda:us-east-1:000000000000:function:work";

/** Task, Parallel of 2, Map of 5, Wait of 1 s, Choice, Task. */
function ourDefinition(): Definition {
  const task = { Type: "Task", Resource: RESOURCE };
  const branch = (name: string) => ({ StartAt: name, States: { [name]: { ...task, End: true } } });
  return {
    QueryLanguage: "JSONata",
    StartAt: "First",
    States: {
      First: { ...task, Next: "Both" },
      Both: {
        Type: "Parallel",
        Branches: [branch("Left"), branch("Right")],
        Output: "{% $states.input %}",
        Next: "Each",
      },
      Each: {
        Type: "Map",
        Items: "{% $states.input.items %}",
        ItemProcessor: branch("Item"),
        Output: "{% $states.input %}",
        Next: "Pause",
      },
      Pause: { Type: "Wait", Seconds: 1, Next: "Check" },
      Check: { Type: "Choice", Choices: [{ Condition: "{% $states.input.ok = true %}", Next: "Last" }] },
      Last: { ...task, End: true },
    },
  };
}

/** The same machine in JSONPath, the only language that the other engine knows. */
function theirDefinition(): StateMachineDefinition {
  const branch = (name: string): StateMachineDefinition => ({
    StartAt: name,
    States: { [name]: { Type: "Task", Resource: RESOURCE, End: true } },
  });
  return {
    StartAt: "First",
    States: {
      First: { Type: "Task", Resource: RESOURCE, Next: "Both" },
      Both: { Type: "Parallel", Branches: [branch("Left"), branch("Right")], ResultPath: null, Next: "Each" },
      Each: {
        Type: "Map",
        ItemsPath: "$.items",
        ItemProcessor: branch("Item"),
        ResultPath: null,
        Next: "Pause",
      },
      Pause: { Type: "Wait", Seconds: 1, Next: "Check" },
      Check: { Type: "Choice", Choices: [{ Variable: "$.ok", BooleanEquals: true, Next: "Last" }] },
      Last: { Type: "Task", Resource: RESOURCE, End: true },
    },
  };
}

const input = { ok: true, items: [1, 2, 3, 4, 5] };

/** One engine's cost of the executions, in a process of its own. */
export interface EngineCost {
  /** With the second that every execution waits. */
  readonly wallMilliseconds: number;
  readonly cpuMilliseconds: number;
  readonly peakMegabytes: number;
  readonly events: number;
}

/** Ours as it is, ours with everything recorded that a restart needs, and the other one. */
const engines = ["spillway", "spillway-recorded", "aws-local-stepfunctions"] as const;
type Engine = (typeof engines)[number];

async function runOurs(begin: Begin): Promise<number> {
  const clock = createRealClock();
  const machine = parseStateMachine(ourDefinition());
  const tasks: TaskRunner = async (task) => task.arguments;
  const executions = Array.from({ length: EXECUTIONS }, (_, index) =>
    begin({
      machine,
      input,
      tasks,
      clock,
      random: Math.random,
      region: "us-east-1",
      context: {
        executionArn: `arn:aws:states:us-east-1:000000000000:execution:bench:${index}`,
        executionName: String(index),
        stateMachineArn: "arn:aws:states:us-east-1:000000000000:stateMachine:bench",
        stateMachineName: "bench",
        roleArn: "arn:aws:iam::000000000000:role/bench",
      },
    }),
  );
  const results = await Promise.all(executions.map(async (execution) => execution.result));
  const failed = results.find(({ status }) => status !== "SUCCEEDED");
  if (failed) throw new Error(`An execution failed: ${failed.error} ${failed.cause}`);
  return results.reduce((sum, { history }) => sum + history.length, 0);
}

type Begin = (options: ExecutionOptions) => Execution;

/** Begins executions as Step Functions does in a world that keeps things. */
async function withRecords(run: (begin: Begin) => Promise<number>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  const store = openStore(folder);
  const kept = createExecutionStore({ store });
  const tokens = new TaskTokens(Math.random);
  try {
    return await run((options) => {
      const { executionArn, executionName: seed } = options.context;
      const journal = kept.journal(executionArn, 0);
      const execution = recordExecution({
        ...options,
        seed,
        startedAt: options.clock.now(),
        tokens,
        journal,
      });
      if (execution === undefined) throw new Error("Nothing was begun.");
      return execution;
    });
  } finally {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runTheirs(): Promise<number> {
  // Loaded here, so that our own process does not pay for it.
  const { StateMachine } = await import("aws-local-stepfunctions");
  const machine = new StateMachine(theirDefinition());
  const work = async <Given>(given: Given) => given;
  const names = ["First", "Left", "Right", "Item", "Last"];
  const overrides = { taskResourceLocalHandlers: Object.fromEntries(names.map((name) => [name, work])) };
  const runs = Array.from({ length: EXECUTIONS }, () => machine.run(input, { overrides }));
  let events = 0;
  const readLog = async (log: AsyncIterable<unknown>) => {
    for await (const _event of log) events += 1;
  };
  await Promise.all(runs.flatMap(({ result, eventLogs }) => [result, readLog(eventLogs)]));
  return events;
}

const runs: Readonly<Record<Engine, () => Promise<number>>> = {
  spillway: () => runOurs(startExecution),
  "spillway-recorded": () => withRecords(runOurs),
  "aws-local-stepfunctions": runTheirs,
};

async function measure(engine: Engine): Promise<EngineCost> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const events = await runs[engine]();
  const wallMilliseconds = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return {
    wallMilliseconds,
    cpuMilliseconds: (user + system) / 1000,
    // maxRSS is in kilobytes.
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    events,
  };
}

/** Medians of both engines, which take turns, each round in a fresh process. */
export function benchEngine(): Record<Engine, EngineCost> {
  const costs: Record<Engine, EngineCost[]> = {
    spillway: [],
    "spillway-recorded": [],
    "aws-local-stepfunctions": [],
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const engine of engines) {
      const script = fileURLToPath(import.meta.url);
      const printed = execFileSync(process.execPath, [script, "--engine", engine], { encoding: "utf8" });
      costs[engine].push(JSON.parse(printed));
    }
  }
  return {
    spillway: medianOf(costs.spillway),
    "spillway-recorded": medianOf(costs["spillway-recorded"]),
    "aws-local-stepfunctions": medianOf(costs["aws-local-stepfunctions"]),
  };
}

function medianOf(costs: readonly EngineCost[]): EngineCost {
  const median = (pick: (cost: EngineCost) => number) =>
    costs.map(pick).sort((one, other) => one - other)[Math.floor(costs.length / 2)] ?? 0;
  return {
    wallMilliseconds: median(({ wallMilliseconds }) => wallMilliseconds),
    cpuMilliseconds: median(({ cpuMilliseconds }) => cpuMilliseconds),
    peakMegabytes: median(({ peakMegabytes }) => peakMegabytes),
    events: median(({ events }) => events),
  };
}

/** A table of the medians with the ratio of ours to theirs. */
export function renderEngineBench(result: Record<Engine, EngineCost>): string {
  const { spillway, "spillway-recorded": recorded, "aws-local-stepfunctions": theirs } = result;
  const row = (what: string, pick: (cost: EngineCost) => number, unit: string) => {
    const values = [spillway, recorded, theirs].map((cost) => `${pick(cost).toFixed(0)}${unit}`);
    return `| ${[what, ...values, (pick(spillway) / pick(theirs)).toFixed(2)].join(" | ")} |`;
  };
  return [
    `${EXECUTIONS} executions at once (Task, Parallel of 2, Map of 5, Wait 1 s, Choice, Task), medians of ${ROUNDS}:`,
    "| | spillway | recorded for a restart | aws-local-stepfunctions | ratio of the first to the last |",
    "|---|---|---|---|---|",
    row("wall, with 1 s of waiting", ({ wallMilliseconds }) => wallMilliseconds, " ms"),
    row("CPU", ({ cpuMilliseconds }) => cpuMilliseconds, " ms"),
    row("peak memory", ({ peakMegabytes }) => peakMegabytes, " MB"),
    row("events recorded", ({ events }) => events, ""),
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [flag, engine] = process.argv.slice(2);
  if (flag !== "--engine") console.log(renderEngineBench(benchEngine()));
  else console.log(JSON.stringify(await measure(engines.find((one) => one === engine) ?? "spillway")));
}
