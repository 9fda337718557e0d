import { describe, expect, it } from "vitest";
import { LAMBDA, machineOf, run, start, types } from "./machine.ts";

describe("an execution", () => {
  it("is stopped with whatever it has under way", async () => {
    let isAborted = false;
    const started = start(
      machineOf({
        P: {
          Type: "Parallel",
          Branches: [
            {
              StartAt: "T",
              States: { T: { Type: "Task", Resource: LAMBDA, TimeoutSeconds: 60, End: true } },
            },
            { StartAt: "W", States: { W: { Type: "Wait", Seconds: 60, End: true } } },
          ],
          End: true,
        },
      }),
      {
        tasks: ({ signal }) => {
          signal.addEventListener("abort", () => {
            isAborted = true;
          });
          return new Promise(() => {});
        },
      },
    );
    await started.clock.advance(1000);
    started.execution.stop("Cancelled", "by Ann");
    started.execution.stop("Cancelled", "again");
    const result = await started.end();
    expect(result).toMatchObject({ status: "ABORTED", error: "Cancelled", cause: "by Ann" });
    expect(result.history.at(-1)).toMatchObject({ type: "ExecutionAborted", previousEventId: 0 });
    expect(isAborted).toBe(true);
    expect(started.clock.pendingTimers).toBe(0);
  });

  it("times out as a whole, past every Catch", async () => {
    const started = start(
      machineOf(
        {
          T: {
            Type: "Task",
            Resource: LAMBDA,
            Next: "Done",
            Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }],
          },
          Done: { Type: "Succeed" },
        },
        { TimeoutSeconds: 120 },
      ),
      { tasks: () => new Promise(() => {}) },
    );
    const result = await started.end();
    expect(result).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
    expect(started.elapsed()).toBe(120_000);
    expect(types(result).at(-1)).toBe("ExecutionTimedOut");
  });

  it("fails when its history reaches 25,000 events, uncatchably", async () => {
    const result = await run(
      machineOf({
        P: {
          Type: "Parallel",
          Branches: [
            {
              StartAt: "A",
              States: { A: { Type: "Pass", Next: "B" }, B: { Type: "Pass", Next: "A" } },
            },
          ],
          Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }],
          Next: "Done",
        },
        Done: { Type: "Succeed" },
      }),
    );
    expect(result).toMatchObject({ status: "FAILED", error: "States.Runtime" });
    expect(result.history).toHaveLength(25_000);
    expect(result.history.at(-1)).toMatchObject({ id: 25_000, type: "ExecutionFailed" });
  });

  it("catches an expression that fails in a Task", async () => {
    const result = await run(
      machineOf({
        T: {
          Type: "Task",
          Resource: LAMBDA,
          Output: "{% $states.result.missing %}",
          Next: "Done",
          Catch: [{ ErrorEquals: ["States.QueryEvaluationError"], Next: "Done" }],
        },
        Done: { Type: "Succeed" },
      }),
    );
    expect(result.output).toMatchObject({ Error: "States.QueryEvaluationError" });
  });
});
