import { describe, expect, it } from "vitest";
import {
  createRealClock,
  InvalidDefinitionError,
  type JsonObject,
  runStateMachine,
  TaskError,
} from "../../../local/asl/index.ts";
import { LAMBDA, machineOf, run, start, types } from "./machine.ts";

const pass = (output: string, members = {}) => ({ Type: "Pass", Output: output, End: true, ...members });

describe("the public door", () => {
  it("runs a definition to its end", async () => {
    const result = await runStateMachine({
      definition: JSON.stringify(machineOf({ T: { Type: "Task", Resource: LAMBDA, End: true } })),
      input: { a: 1 },
      tasks: async ({ arguments: given }) => ({ given }),
      clock: createRealClock(),
      random: Math.random,
    });
    expect(result).toMatchObject({ status: "SUCCEEDED", output: { given: { a: 1 } } });
    expect(result.history[0]).toMatchObject({ id: 1, previousEventId: 0, type: "ExecutionStarted" });
  });

  it("rejects a definition that is wrong", async () => {
    const running = runStateMachine({
      definition: "{}",
      tasks: async () => null,
      clock: createRealClock(),
      random: Math.random,
    });
    await expect(running).rejects.toThrow(InvalidDefinitionError);
  });
});

describe("variables", () => {
  it("are read by inner flows, and assigned from one snapshot together with the output", async () => {
    const result = await run(
      machineOf({
        First: { Type: "Pass", Assign: { a: 1, b: "{% $states.input.b %}" }, Next: "Swap" },
        Swap: {
          Type: "Pass",
          Assign: { a: "{% $b %}", b: "{% $a %}" },
          Output: "{% [$a, $b] %}",
          Next: "Inner",
        },
        Inner: {
          Type: "Parallel",
          Branches: [{ StartAt: "Read", States: { Read: pass("{% [$a, $b, $states.input] %}") } }],
          End: true,
        },
      }),
      { input: { b: 2 } },
    );
    expect(result.output).toEqual([[2, 1, 1, 2]]);
  });

  it("of a branch are gone after it", async () => {
    const inner = { StartAt: "In", States: { In: { Type: "Pass", Assign: { inner: 1 }, End: true } } };
    const result = await run(
      machineOf({ P: { Type: "Parallel", Branches: [inner], Next: "Read" }, Read: pass("{% $inner %}") }),
    );
    expect(result).toMatchObject({ status: "FAILED", error: "States.QueryEvaluationError" });
  });

  it("of one Assign have a limit", async () => {
    const result = await run(
      machineOf({ Big: { Type: "Pass", Assign: { big: "{% $pad('', 262144, 'x') %}" }, End: true } }),
    );
    expect(result).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
  });
});

describe("a Choice", () => {
  const choice = (members = {}) =>
    machineOf({
      C: {
        Type: "Choice",
        Choices: [
          { Condition: "{% $states.input.n > 10 %}", Next: "Big", Output: "big" },
          { Condition: "{% $states.input.n > 5 %}", Next: "Middle" },
        ],
        ...members,
      },
      Big: { Type: "Succeed" },
      Middle: { Type: "Succeed" },
    });

  it("takes the first rule that holds", async () => {
    expect((await run(choice(), { input: { n: 11 } })).output).toBe("big");
    expect((await run(choice(), { input: { n: 6 } })).output).toEqual({ n: 6 });
  });

  it("fails with States.NoChoiceMatched without a Default", async () => {
    const result = await run(choice(), { input: { n: 1 } });
    expect(result).toMatchObject({ status: "FAILED", error: "States.NoChoiceMatched" });
  });

  it("wants a boolean", async () => {
    const result = await run(
      machineOf({
        C: { Type: "Choice", Choices: [{ Condition: "{% 1 %}", Next: "D" }], Default: "D" },
        D: { Type: "Succeed" },
      }),
    );
    expect(result.cause).toContain("Expected 'boolean', but was 'number' for value: 1");
  });
});

describe("a Wait", () => {
  it.each([
    [{ Seconds: 90 }, 90],
    [{ Seconds: "{% $states.input.seconds %}" }, 7],
    [{ Timestamp: "2026-11-24T00:01:00Z" }, 60],
    [{ Timestamp: "2026-11-24T01:01:00+01:00" }, 60],
    [{ Timestamp: "2020-01-01T00:00:00Z" }, 0],
  ])("%j", async (members, seconds) => {
    const started = start(machineOf({ W: { Type: "Wait", ...members, End: true } }), {
      input: { seconds: 7 },
    });
    expect((await started.end()).status).toBe("SUCCEEDED");
    expect(started.elapsed()).toBe(seconds * 1000);
  });

  it.each([
    ["{% -1 %}", "returned a value out of range"],
    ["{% '5' %}", "Expected 'number', but was 'string'"],
  ])("refuses %s seconds", async (seconds, text) => {
    const result = await run(machineOf({ W: { Type: "Wait", Seconds: seconds, End: true } }));
    expect(result.cause).toContain(text);
  });
});

describe("a Map", () => {
  const map = (members = {}, states = {}) =>
    machineOf({
      M: {
        Type: "Map",
        ItemProcessor: {
          StartAt: "T",
          States: { T: { Type: "Task", Resource: LAMBDA, End: true }, ...states },
        },
        End: true,
        ...members,
      },
    });

  it("gives the outputs in the order of the items, however they end, and never runs more than MaxConcurrency", async () => {
    let running = 0;
    let most = 0;
    const started = start(map({ MaxConcurrency: 2 }), {
      input: [5, 1, 4, 2, 3],
      tasks: async ({ arguments: given }, { clock }) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => clock.after(Number(given) * 100, resolve));
        running -= 1;
        return given;
      },
    });
    expect((await started.end()).output).toEqual([5, 1, 4, 2, 3]);
    expect(most).toBe(2);
  });

  it("shows each item in its context, to ItemSelector and inside", async () => {
    const result = await run(
      map(
        {
          ItemSelector: {
            i: "{% $states.context.Map.Item.Index %}",
            v: "{% $states.context.Map.Item.Value %}",
          },
        },
        {
          T: {
            Type: "Pass",
            Output: "{% [$states.input.i, $states.input.v, $states.context.Map.Item.Value] %}",
            End: true,
          },
        },
      ),
      { input: ["a", "b"] },
    );
    expect(result.output).toEqual([
      [0, "a", "a"],
      [1, "b", "b"],
    ]);
  });

  it("stops at the first failure: nothing further starts, siblings are aborted", async () => {
    const started: unknown[] = [];
    const aborted: unknown[] = [];
    const result = await run(map({ MaxConcurrency: 2 }), {
      input: [1, 2, 3, 4],
      tasks: ({ arguments: given, signal }) => {
        started.push(given);
        signal.addEventListener("abort", () => aborted.push(given));
        return given === 1 ? Promise.reject(new TaskError("Broken", "1")) : new Promise(() => {});
      },
    });
    expect(result).toMatchObject({ status: "FAILED", error: "Broken", cause: "1" });
    expect([started, aborted]).toEqual([[1, 2], [2]]);
    expect(types(result).slice(-6)).toEqual([
      "MapIterationFailed",
      "TaskStateAborted",
      "MapIterationAborted",
      "TaskStateAborted",
      "MapStateFailed",
      "ExecutionFailed",
    ]);
  });

  it("bears tolerated failures and keeps the places of the items", async () => {
    const tasks = async ({ arguments: given }: { arguments: unknown }) => {
      if (Number(given) % 2 === 0) throw new TaskError("Even", undefined);
      return Number(given);
    };
    const tolerant = await run(map({ ToleratedFailureCount: 2 }), { input: [1, 2, 3, 4], tasks });
    const failed = { Error: "Even", Cause: null };
    expect(tolerant.output).toEqual([1, failed, 3, failed]);
    const strict = await run(map({ ToleratedFailurePercentage: 25 }), { input: [1, 2, 3, 4], tasks });
    expect(strict).toMatchObject({ status: "FAILED", error: "States.ExceedToleratedFailureThreshold" });
  });
});

describe("a Parallel", () => {
  const branch = (name: string, state: JsonObject) => ({ StartAt: name, States: { [name]: state } });

  it("is retried as a whole, and caught with the variables of the outer scope", async () => {
    let calls = 0;
    const result = await run(
      machineOf({
        P: {
          Type: "Parallel",
          Branches: [
            branch("T", { Type: "Task", Resource: LAMBDA, End: true }),
            branch("W", { Type: "Wait", Seconds: 5, End: true }),
          ],
          Retry: [{ ErrorEquals: ["Boom"], MaxAttempts: 1 }],
          Catch: [
            { ErrorEquals: ["States.ALL"], Assign: { why: "{% $states.errorOutput.Error %}" }, Next: "Tell" },
          ],
          End: true,
        },
        Tell: pass("{% $why %}"),
      }),
      {
        tasks: async () => {
          calls += 1;
          throw new TaskError("Boom", "again");
        },
      },
    );
    expect(result).toMatchObject({ status: "SUCCEEDED", output: "Boom" });
    expect(calls).toBe(2);
    expect(types(result).filter((type) => type === "WaitStateAborted")).toHaveLength(2);
    expect(types(result).filter((type) => type === "ParallelStateStarted")).toHaveLength(2);
  });

  it("calls no task of a sibling that waits for its retry when another branch has failed", async () => {
    const calls: string[] = [];
    const started = start(
      machineOf({
        P: {
          Type: "Parallel",
          Branches: [
            branch("Slow", {
              Type: "Task",
              Resource: LAMBDA,
              Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 30 }],
              End: true,
            }),
            branch("Fast", { Type: "Wait", Seconds: 1, Next: "Fail" }),
          ].map((flow, index) =>
            index === 1
              ? { ...flow, States: { ...flow.States, Fail: { Type: "Fail", Error: "Stop" } } }
              : flow,
          ),
          End: true,
        },
      }),
      {
        tasks: async ({ stateName }) => {
          calls.push(stateName);
          throw new TaskError("Busy", undefined);
        },
      },
    );
    expect(await started.end()).toMatchObject({ status: "FAILED", error: "Stop" });
    await started.clock.advance(1_000_000);
    expect(calls).toEqual(["Slow"]);
    expect(started.clock.pendingTimers).toBe(0);
  });
});
