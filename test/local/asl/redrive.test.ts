import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Definition,
  type ExecutionResult,
  type Json,
  type JsonObject,
  parseStateMachine,
  redriveExecution,
  type TaskAttempt,
  TaskError,
} from "../../../local/asl/index.ts";
import { LAMBDA, machineOf, start, types } from "./machine.ts";

/** Fails the tasks whose state is in `broken`, and gives the others' arguments back; tells which were run. */
function work(broken: Set<string>, ran: string[] = []) {
  return async (task: TaskAttempt): Promise<Json> => {
    ran.push(task.stateName);
    if (broken.has(task.stateName)) throw new TaskError("Broken", `${task.stateName} is broken`);
    return task.arguments;
  };
}

/** A Task that gives its own name and its input. */
const task = (name: string, members: JsonObject = { End: true }): JsonObject => ({
  [name]: { Type: "Task", Resource: LAMBDA, Arguments: { name, in: "{% $states.input %}" }, ...members },
});

const branch = (states: JsonObject): JsonObject => ({
  StartAt: Object.keys(states)[0] ?? "",
  States: states,
});

/** Starts a machine with `broken` tasks, mends them when it has ended, and redrives until it succeeds. */
async function failAndRedrive(
  definition: Definition,
  broken: readonly string[],
  input: Json = {},
  stopAfterMilliseconds?: number,
) {
  const set = new Set(broken);
  const ran: string[] = [];
  const first = start(definition, { input, tasks: work(set, ran) });
  if (stopAfterMilliseconds !== undefined)
    first.clock.after(stopAfterMilliseconds, () => first.execution.stop());
  const failed = await first.end();
  let { history } = failed;
  let redriveCount = 0;
  const redrive = async ({ mended }: { mended: boolean } = { mended: true }) => {
    ran.length = 0;
    if (mended) set.clear();
    const execution = redriveExecution({
      machine: parseStateMachine(definition),
      input,
      tasks: work(set, ran),
      clock: first.clock,
      random: Math.random,
      region: "eu-central-1",
      context: {
        executionArn: "arn:e",
        executionName: "e",
        stateMachineArn: "arn:m",
        stateMachineName: "m",
        roleArn: "arn:r",
      },
      history,
      redriveCount: ++redriveCount,
    });
    if (!execution) throw new Error("nothing to go on from");
    const result = await first.clock.runUntil(execution.result);
    history = result.history;
    return result;
  };
  return { failed, ran, redrive };
}

const added = (failed: ExecutionResult, redriven: ExecutionResult) =>
  redriven.history.slice(failed.history.length);

describe("a redriven execution", () => {
  const twoSteps = machineOf({
    ...task("One", { Next: "Two", Assign: { kept: "{% $states.result.name %}" } }),
    ...task("Two", {
      End: true,
      Output: { kept: "{% $kept %}", count: "{% $states.context.Execution.RedriveCount %}" },
    }),
  });

  it("goes on from the task that failed, with its input and the variables", async () => {
    const { failed, ran, redrive } = await failAndRedrive(twoSteps, ["Two"]);
    expect(failed.status).toBe("FAILED");
    const redriven = await redrive();
    expect(redriven).toMatchObject({ status: "SUCCEEDED", output: { kept: "One", count: 1 } });
    expect(ran).toEqual(["Two"]);
    const events = added(failed, redriven);
    expect(types({ history: events })).toEqual([
      "ExecutionRedriven",
      "TaskScheduled",
      "TaskStarted",
      "TaskSucceeded",
      "TaskStateExited",
      "ExecutionSucceeded",
    ]);
    expect(events[0]).toMatchObject({ executionRedrivenEventDetails: { redriveCount: 1 } });
    const entered = failed.history.find(({ stateEnteredEventDetails: details }) => details?.name === "Two");
    expect(events[1]?.previousEventId).toBe(entered?.id);
  });

  it("runs only the branches of a Parallel that failed or were aborted", async () => {
    const definition = machineOf({
      P: {
        Type: "Parallel",
        End: true,
        Branches: [
          branch(task("Good")),
          branch({ Wait: { Type: "Wait", Seconds: 5, Next: "Bad" }, ...task("Bad") }),
          branch({ Long: { Type: "Wait", Seconds: 100, Next: "After" }, ...task("After") }),
        ],
      },
    });
    const { ran, redrive } = await failAndRedrive(definition, ["Bad"]);
    const redriven = await redrive();
    expect(ran).toEqual(["Bad", "After"]);
    expect(redriven.output).toMatchObject([{ name: "Good" }, { name: "Bad" }, { name: "After" }]);
  });

  it("runs only the iterations of a Map that failed, were aborted or had not begun", async () => {
    const definition = machineOf({
      M: {
        Type: "Map",
        MaxConcurrency: 2,
        End: true,
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "Look",
          States: {
            Look: {
              Type: "Choice",
              Choices: [{ Condition: "{% $states.input = 3 %}", Next: "Bad" }],
              Default: "Good",
            },
            ...task("Good"),
            ...task("Bad"),
          },
        },
      },
    });
    const { ran, redrive } = await failAndRedrive(definition, ["Bad"], [1, 2, 3, 4, 5]);
    const redriven = await redrive();
    expect(ran.filter((name) => name === "Bad")).toEqual(["Bad"]);
    expect(ran.length).toBeLessThan(5);
    expect((redriven.output as JsonObject[]).map((output) => output.in)).toEqual([1, 2, 3, 4, 5]);
  });

  it("enters its Fail state again, and can be redriven again", async () => {
    const definition = machineOf({
      ...task("T", { End: true, Catch: [{ ErrorEquals: ["States.ALL"], Next: "F" }] }),
      F: { Type: "Fail", Error: "No" },
    });
    const { redrive } = await failAndRedrive(definition, ["T"]);
    expect(await redrive()).toMatchObject({ status: "FAILED", error: "No" });
  });

  it("ends, for any machine and whatever breaks, with what an unbroken one gives", async () => {
    const machines = fc.letrec<{ flow: Shape; state: Shape }>((tie) => ({
      state: fc.oneof(
        { maxDepth: 3 },
        fc.record({ kind: fc.constant("task" as const), breaks: fc.boolean(), retries: fc.boolean() }),
        fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: 0, max: 9 }) }),
        fc.record({
          kind: fc.constant("parallel" as const),
          flows: fc.array(tie("flow"), { minLength: 1, maxLength: 3 }),
          retries: fc.boolean(),
        }),
        fc.record({
          kind: fc.constant("map" as const),
          flow: tie("flow"),
          count: fc.integer({ min: 0, max: 3 }),
          concurrency: fc.integer({ min: 0, max: 2 }),
        }),
      ),
      flow: fc.record({
        kind: fc.constant("flow" as const),
        states: fc.array(tie("state"), { minLength: 1, maxLength: 3 }),
      }),
    }));
    await fc.assert(
      fc.asyncProperty(machines.flow, fc.option(fc.integer({ min: 0, max: 20_000 })), async (shape, stop) => {
        const broken: string[] = [];
        const definition = build(shape, { next: 0 }, broken);
        const whole = await start(definition, { input: 0, tasks: work(new Set()) }).end();
        const { failed, redrive } = await failAndRedrive(definition, broken, 0, stop ?? undefined);
        if (failed.status === "SUCCEEDED") return;
        if ((await redrive({ mended: false })).status === "SUCCEEDED") return;
        const redriven = await redrive();
        expect(redriven.status).toBe("SUCCEEDED");
        expect(redriven.output).toEqual(whole.output);
        expect(redriven.history.map(({ id }) => id)).toEqual(redriven.history.map((_, index) => index + 1));
      }),
      { numRuns: 300 },
    );
  });
});

type Shape =
  | { kind: "task"; breaks: boolean; retries: boolean }
  | { kind: "wait"; seconds: number }
  | { kind: "parallel"; flows: Shape[]; retries: boolean }
  | { kind: "map"; flow: Shape; count: number; concurrency: number }
  | { kind: "flow"; states: Shape[] };

const retry = (wanted: boolean): JsonObject =>
  wanted ? { Retry: [{ ErrorEquals: ["Broken"], MaxAttempts: 1, IntervalSeconds: 2 }] } : {};

/** A machine of such a shape; `broken` gets the names of the tasks that break. */
function build(shape: Shape, names: { next: number }, broken: string[]): JsonObject {
  const states = shape.kind === "flow" ? shape.states : [shape];
  const named = states.map((state) => ({ state, name: `S${names.next++}` }));
  const made = named.map(({ state, name }, index) => {
    const next = named[index + 1]?.name;
    const way: JsonObject = next === undefined ? { End: true } : { Next: next };
    return [name, { ...stateOf(state, name, names, broken), ...way }];
  });
  return { QueryLanguage: "JSONata", StartAt: named[0]?.name ?? "", States: Object.fromEntries(made) };
}

function stateOf(shape: Shape, name: string, names: { next: number }, broken: string[]): JsonObject {
  switch (shape.kind) {
    case "task":
      if (shape.breaks) broken.push(name);
      return { Type: "Task", Resource: LAMBDA, Arguments: { name }, ...retry(shape.retries) };
    case "wait":
      return { Type: "Wait", Seconds: shape.seconds };
    case "parallel":
      return {
        Type: "Parallel",
        ...retry(shape.retries),
        Branches: shape.flows.map((flow) => {
          const { StartAt = "", States = {} } = build(flow, names, broken);
          return { StartAt, States };
        }),
      };
    case "map": {
      const { StartAt = "", States = {} } = build(shape.flow, names, broken);
      const ItemProcessor = { ProcessorConfig: { Mode: "INLINE" }, StartAt, States };
      const Items = Array.from({ length: shape.count }, (_, index) => index);
      return { Type: "Map", Items, MaxConcurrency: shape.concurrency, ItemProcessor };
    }
    case "flow":
      throw new TypeError("a flow is no state");
  }
}
