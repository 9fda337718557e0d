import { describe, expect, it } from "vitest";
import { type Json, sleep, TaskError, TaskTokenError } from "../../../local/asl/index.ts";
import { CALLBACK, LAMBDA, machineOf, run, start, types } from "./machine.ts";

const SECOND = 1000;
const forever = () => new Promise<Json>(() => {});
const task = (members = {}) => machineOf({ T: { Type: "Task", Resource: LAMBDA, End: true, ...members } });
const callback = (members = {}) =>
  machineOf({
    T: {
      Type: "Task",
      Resource: CALLBACK,
      Arguments: { FunctionName: "f", Payload: { token: "{% $states.context.Task.Token %}" } },
      End: true,
      ...members,
    },
  });

describe("a Task", () => {
  it("is retried after 1, 2, 4 s …, at most MaxDelaySeconds, with the retry count in its context", async () => {
    const started = start(
      task({
        Arguments: { count: "{% $states.context.State.RetryCount %}" },
        Retry: [{ ErrorEquals: ["Busy"], MaxAttempts: 5, MaxDelaySeconds: 5 }],
      }),
      {
        tasks: async ({ arguments: given, attempt }, { elapsed }) => {
          calls.push([given, elapsed() / SECOND]);
          if (attempt < 5) throw new TaskError("Busy", "later");
          return "done";
        },
      },
    );
    const calls: unknown[] = [];
    expect(await started.end()).toMatchObject({ status: "SUCCEEDED", output: "done" });
    expect(calls).toEqual([0, 1, 3, 7, 12, 17].map((at, count) => [{ count }, at]));
  });

  it("spreads retries with FULL jitter below the delay, by its own randomness", async () => {
    const delays = async (seed: number) => {
      const at: number[] = [];
      const started = start(
        task({
          Retry: [
            { ErrorEquals: ["States.ALL"], IntervalSeconds: 8, MaxAttempts: 4, JitterStrategy: "FULL" },
          ],
        }),
        {
          seed,
          tasks: (_task, { elapsed }) => {
            at.push(elapsed());
            return Promise.reject(new TaskError("Busy", undefined));
          },
        },
      );
      await started.end();
      return at.slice(1).map((time, index) => time - (at[index] ?? 0));
    };
    const first = await delays(1);
    expect(first.every((delay, index) => delay < 8 * SECOND * 2 ** index)).toBe(true);
    expect(await delays(1)).toEqual(first);
    expect(await delays(2)).not.toEqual(first);
  });

  it("counts the attempts of each Retrier apart, and takes the first that matches", async () => {
    let calls = 0;
    const result = await run(
      task({
        Retry: [
          { ErrorEquals: ["A"], MaxAttempts: 1 },
          { ErrorEquals: ["States.TaskFailed"], MaxAttempts: 2 },
        ],
      }),
      {
        tasks: async () => {
          calls += 1;
          throw new TaskError(calls % 2 ? "A" : "B", undefined);
        },
      },
    );
    expect(result).toMatchObject({ status: "FAILED", error: "A" });
    // A (retried once), B, A: the first Retrier's attempts are spent, and it is the one that matches.
    expect(calls).toBe(3);
  });

  it("times out; its runner is told, its error is States.Timeout, not States.TaskFailed", async () => {
    let isTold = false;
    const started = start(
      machineOf({
        T: {
          Type: "Task",
          Resource: LAMBDA,
          TimeoutSeconds: 30,
          Next: "Wrong",
          Catch: [
            { ErrorEquals: ["States.TaskFailed"], Next: "Wrong" },
            { ErrorEquals: ["States.Timeout"], Next: "Right" },
          ],
        },
        Wrong: { Type: "Fail", Error: "Wrong" },
        Right: { Type: "Succeed" },
      }),
      {
        tasks: ({ signal }) => {
          signal.addEventListener("abort", () => {
            isTold = true;
          });
          return forever();
        },
      },
    );
    const result = await started.end();
    expect(result).toMatchObject({ status: "SUCCEEDED", output: { Error: "States.Timeout", Cause: null } });
    expect(started.elapsed()).toBe(30 * SECOND);
    expect(isTold).toBe(true);
    expect(types(result)).toContain("TaskTimedOut");
  });

  it("may wait for 100 days, far beyond Node's timers", async () => {
    const started = start(task({ TimeoutSeconds: 99 * 86_400 }), {
      tasks: (_task, { clock }) => sleep(clock, 98 * 86_400 * SECOND).then(() => "late"),
    });
    expect(await started.end()).toMatchObject({ output: "late" });
    expect(started.elapsed()).toBe(98 * 86_400 * SECOND);
    expect(started.clock.pendingTimers).toBe(0);
  });

  it("fails with States.DataLimitExceeded when its result is larger than 256 KiB", async () => {
    const definition = machineOf({
      T: {
        Type: "Task",
        Resource: LAMBDA,
        Next: "Done",
        Catch: [{ ErrorEquals: ["States.DataLimitExceeded"], Next: "Done" }],
      },
      Done: { Type: "Succeed" },
    });
    const result = await run(definition, { tasks: async () => "é".repeat(131_072) });
    expect(result.output).toEqual({
      Error: "States.DataLimitExceeded",
      Cause:
        "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
    });
    expect(await run(task(), { tasks: async () => "x".repeat(262_142) })).toMatchObject({
      status: "SUCCEEDED",
    });
  });

  it("fails under the name of an unforeseen error", async () => {
    const result = await run(task(), { tasks: () => Promise.reject(new RangeError("off the map")) });
    expect(result).toMatchObject({ status: "FAILED", error: "RangeError", cause: "off the map" });
  });

  it("ends the execution at States.Runtime, which nothing catches or retries", async () => {
    const definition = machineOf({
      T: {
        Type: "Task",
        Resource: LAMBDA,
        Next: "Done",
        Retry: [{ ErrorEquals: ["States.ALL"] }],
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }],
      },
      Done: { Type: "Succeed" },
    });
    const result = await run(definition, {
      tasks: () => Promise.reject(new TaskError("States.Runtime", "no")),
    });
    expect(result).toMatchObject({ status: "FAILED", error: "States.Runtime" });
    expect(types(result).slice(-2)).toEqual(["TaskStarted", "ExecutionFailed"]);
  });
});

describe("a Task that waits for its token", () => {
  it("is completed from outside and records that it was submitted", async () => {
    const started = start(callback(), {
      tasks: async ({ token = "" }, { clock, tokens }) => {
        clock.after(60 * SECOND, () => tokens.succeed(token, '{"approved":true}'));
        return { StatusCode: 200 };
      },
    });
    const result = await started.end();
    expect(result.output).toEqual({ approved: true });
    expect(started.elapsed()).toBe(60 * SECOND);
    expect(types(result).slice(2)).toEqual([
      "TaskScheduled",
      "TaskStarted",
      "TaskSubmitted",
      "TaskSucceeded",
      "TaskStateExited",
      "ExecutionSucceeded",
    ]);
  });

  it("fails by its token, with or without a name and a cause", async () => {
    const failed = await run(callback(), {
      tasks: async ({ token = "" }, { clock, tokens }) => {
        clock.after(1, () => tokens.fail(token, "Denied", "by Ann"));
        return null;
      },
    });
    expect(failed).toMatchObject({ status: "FAILED", error: "Denied", cause: "by Ann" });
  });

  it("may be completed before the service that it was handed to has answered", async () => {
    const result = await run(callback(), {
      tasks: async ({ token = "" }, { tokens, clock }) => {
        tokens.succeed(token, "1");
        await sleep(clock, SECOND);
        throw new Error("too late to matter");
      },
    });
    expect(result).toMatchObject({ status: "SUCCEEDED", output: 1 });
    expect(types(result)).not.toContain("TaskSubmitted");
  });

  it("lapses without heartbeats; each heartbeat starts HeartbeatSeconds again", async () => {
    const started = start(callback({ TimeoutSeconds: 3600, HeartbeatSeconds: 60 }), {
      tasks: async ({ token = "" }, { clock, tokens }) => {
        for (const second of [50, 100, 150]) clock.after(second * SECOND, () => tokens.heartbeat(token));
        return null;
      },
    });
    const result = await started.end();
    expect(result).toMatchObject({ status: "FAILED", error: "States.Timeout" });
    expect(started.elapsed()).toBe(210 * SECOND);
    expect(started.clock.pendingTimers).toBe(0);
  });

  it("has a lapsed heartbeat caught under either name", async () => {
    const result = await run(
      machineOf({
        T: {
          Type: "Task",
          Resource: CALLBACK,
          HeartbeatSeconds: 5,
          Next: "Done",
          Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "Done" }],
        },
        Done: { Type: "Succeed" },
      }),
      { tasks: async () => null },
    );
    expect(result.status).toBe("SUCCEEDED");
  });

  it("gets a new token for each attempt; a closed one answers TaskTimedOut, an unknown one TaskDoesNotExist", async () => {
    const seen: string[] = [];
    const started = start(
      callback({ TimeoutSeconds: 10, Retry: [{ ErrorEquals: ["States.Timeout"], MaxAttempts: 1 }] }),
      {
        tasks: async ({ token = "", arguments: given }, { clock, tokens }) => {
          seen.push(token);
          expect(given).toMatchObject({ Payload: { token } });
          if (seen.length === 2) clock.after(1, () => tokens.succeed(token, "2"));
          return null;
        },
      },
    );
    expect((await started.end()).output).toBe(2);
    const [first = "", second = ""] = seen;
    expect(first).not.toBe(second);
    const nameOf = (token: string, output = "1") => {
      try {
        started.tokens.succeed(token, output);
      } catch (error) {
        return error instanceof TaskTokenError ? error.name : error;
      }
      return undefined;
    };
    expect(nameOf(first)).toBe("TaskTimedOut");
    expect(nameOf(second)).toBe("TaskTimedOut");
    expect(nameOf(`${second}x`)).toBe("TaskDoesNotExist");
    expect(nameOf("nonsense")).toBe("InvalidToken");
  });

  it("refuses an output that is no JSON or too large, and waits on", async () => {
    const refused: unknown[] = [];
    const result = await run(callback(), {
      tasks: async ({ token = "" }, { clock, tokens }) => {
        clock.after(1, () => {
          for (const output of ["{", JSON.stringify("x".repeat(262_144)), "true"]) {
            try {
              tokens.succeed(token, output);
            } catch (error) {
              refused.push(error instanceof TaskTokenError && error.name);
            }
          }
        });
        return null;
      },
    });
    expect(refused).toEqual(["InvalidOutput", "InvalidOutput"]);
    expect(result.output).toBe(true);
  });
});
