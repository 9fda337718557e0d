import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StateMachineDefinition } from "aws-local-stepfunctions";
import {
  createRealClock,
  type Definition,
  parseStateMachine,
  startExecution,
  type TaskRunner,
} from "../local/asl/index.ts";

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

type Engine = "spillway" | "aws-local-stepfunctions";

async function runOurs(): Promise<number> {
  const clock = createRealClock();
  const machine = parseStateMachine(ourDefinition());
  const tasks: TaskRunner = async (task) => task.arguments;
  const executions = Array.from({ length: EXECUTIONS }, (_, index) =>
    startExecution({
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
  const results = await Promise.all(executions.map(({ result }) => result));
  const failed = results.find(({ status }) => status !== "SUCCEEDED");
  if (failed) throw new Error(`An execution failed: ${failed.error} ${failed.cause}`);
  return results.reduce((sum, { history }) => sum + history.length, 0);
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

async function measure(engine: Engine): Promise<EngineCost> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const events = engine === "spillway" ? await runOurs() : await runTheirs();
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
  const engines: Engine[] = ["spillway", "aws-local-stepfunctions"];
  const costs: Record<Engine, EngineCost[]> = { spillway: [], "aws-local-stepfunctions": [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const engine of engines) {
      const script = fileURLToPath(import.meta.url);
      const printed = execFileSync(process.execPath, [script, "--engine", engine], { encoding: "utf8" });
      costs[engine].push(JSON.parse(printed));
    }
  }
  return {
    spillway: medianOf(costs.spillway),
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
  const { spillway: ours, "aws-local-stepfunctions": theirs } = result;
  const row = (what: string, one: number, other: number, unit: string) =>
    `| ${what} | ${one.toFixed(0)}${unit} | ${other.toFixed(0)}${unit} | ${(one / other).toFixed(2)} |`;
  return [
    `${EXECUTIONS} executions at once (Task, Parallel of 2, Map of 5, Wait 1 s, Choice, Task), medians of ${ROUNDS}:`,
    "| | spillway | aws-local-stepfunctions | ratio |",
    "|---|---|---|---|",
    row("wall, with 1 s of waiting", ours.wallMilliseconds, theirs.wallMilliseconds, " ms"),
    row("CPU", ours.cpuMilliseconds, theirs.cpuMilliseconds, " ms"),
    row("peak memory", ours.peakMegabytes, theirs.peakMegabytes, " MB"),
    row("events recorded", ours.events, theirs.events, ""),
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [flag, engine] = process.argv.slice(2);
  if (flag !== "--engine") console.log(renderEngineBench(benchEngine()));
  else
    console.log(
      JSON.stringify(await measure(engine === "spillway" ? "spillway" : "aws-local-stepfunctions")),
    );
}
