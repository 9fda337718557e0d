import { describe, expect, it } from "vitest";
import { sleep } from "../../../local/asl/clock.ts";
import { createVirtualClock } from "../../../local/asl/virtual-clock.ts";
import type { FunctionRunner, Invocation } from "../../../local/lambda/function.ts";
import { createLambda } from "../../../local/lambda/service.ts";
import { createTestLogs, createTestWorld } from "../test-world.ts";

type Handler = (payload: string, invocation: Invocation, signal: AbortSignal) => Promise<string>;

/** Lambda over handlers of this process, under a virtual clock. */
function start(handler: Handler, more: { concurrentInvocations?: number } = {}) {
  const clock = createVirtualClock({ start: Date.UTC(2026, 10, 24) });
  const world = createTestWorld(clock);
  const logs = createTestLogs();
  const runner: FunctionRunner = {
    invoke: async (_fn, payload, invocation, signal) => ({
      payload: await handler(payload, invocation, signal),
    }),
    stop: async () => {},
  };
  const lambda = createLambda(world, { runner, logs, ...more });
  const publish = (name = "Check") =>
    lambda.publish({ name, bundle: "/none.mjs", environment: {}, timeoutSeconds: 3, memoryMegabytes: 512 });
  return { clock, lambda, publish, written: logs.written };
}

const echo: Handler = async (payload) => payload;

describe("Lambda under a virtual clock", () => {
  it("runs a function by name, version, partial ARN and ARN", async () => {
    const { clock, lambda, publish } = start(echo);
    const first = publish();
    expect(first).toBe("arn:aws:lambda:eu-central-1:000000000000:function:Check:1");
    const second = publish();
    const versions = await clock.runUntil(
      Promise.all(
        [
          first,
          second,
          "Check",
          "Check:1",
          "000000000000:function:Check:2",
          second.replace(/:2$/, ""),
          "Check:$LATEST",
        ].map(async (name) => (await lambda.invoke(name, "{}")).executedVersion),
      ),
    );
    expect(versions).toEqual(["1", "2", "2", "1", "2", "2", "2"]);
    expect(lambda.list().map(({ arn }) => arn)).toEqual([second]);
  });

  it("names the function that does not exist", async () => {
    const { lambda, publish } = start(echo);
    publish();
    const missing = { name: "ResourceNotFoundException", status: 404 };
    await expect(lambda.invoke("Chek", "{}")).rejects.toMatchObject({
      ...missing,
      message: "Function not found: arn:aws:lambda:eu-central-1:000000000000:function:Chek",
    });
    await expect(lambda.invoke("Check:7", "{}")).rejects.toMatchObject(missing);
  });

  it("refuses settings that AWS would refuse", () => {
    const { lambda } = start(echo);
    const settings = { name: "Check", bundle: "", environment: {}, timeoutSeconds: 3, memoryMegabytes: 512 };
    for (const wrong of [{ name: "no spaces" }, { timeoutSeconds: 901 }, { memoryMegabytes: 64 }]) {
      expect(() => lambda.publish({ ...settings, ...wrong })).toThrow(
        expect.objectContaining({ name: "InvalidParameterValueException" }),
      );
    }
  });

  it("ends an invocation whose time is up, tells the runner, and leaves no timer", async () => {
    let aborted = false;
    const { clock, lambda, publish, written } = start((_payload, _invocation, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    });
    publish();
    const result = await clock.runUntil(lambda.invoke("Check", "{}"));
    expect(clock.now()).toBe(Date.UTC(2026, 10, 24) + 3000);
    expect(result.functionError).toBe("Unhandled");
    expect(JSON.parse(result.payload)).toMatchObject({
      errorType: "Sandbox.Timedout",
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 3.00 seconds$/),
    });
    expect(aborted).toBe(true);
    expect(written.map(({ line }) => line)).toContainEqual(
      expect.stringMatching(/^2026-11-24T00:00:03.000Z \S+ Task timed out after 3.00 seconds$/),
    );
    expect(clock.pendingTimers).toBe(0);
  });

  it("logs as AWS does, one stream for each invocation at a time", async () => {
    const { clock, lambda, publish, written } = start(async (_payload, { onLine }) => {
      onLine("hello");
      await sleep(clock, 12);
      return "{}";
    });
    publish();
    await clock.runUntil(Promise.all([lambda.invoke("Check", "{}"), lambda.invoke("Check", "{}")]));
    await clock.runUntil(lambda.invoke("Check", "{}"));
    expect(new Set(written.map(({ group }) => group))).toEqual(new Set(["/aws/lambda/Check"]));
    const streams = [...new Set(written.map(({ stream }) => stream))];
    expect(streams).toHaveLength(2);
    expect(streams[0]).toMatch(/^2026\/11\/24\/\[1\][0-9a-f]{32}$/);
    const lines = written.filter(({ stream }) => stream === streams[0]).map(({ line }) => line);
    expect(lines.slice(0, 4)).toEqual([
      expect.stringMatching(/^START RequestId: [0-9a-f-]{36} Version: 1$/),
      "hello",
      expect.stringMatching(/^END RequestId: [0-9a-f-]{36}$/),
      expect.stringMatching(
        /^REPORT RequestId: \S+\tDuration: 12.00 ms\tBilled Duration: 12 ms\tMemory Size: 512 MB$/,
      ),
    ]);
  });

  it("lets a function work on whose caller has gone, as AWS does", async () => {
    let done = false;
    const { clock, lambda, publish } = start(async () => {
      await sleep(clock, 1000);
      done = true;
      return "{}";
    });
    publish();
    const caller = new AbortController();
    const asked = lambda.invoke("Check", "{}", caller.signal);
    caller.abort(new Error("the execution was stopped"));
    await expect(asked).rejects.toThrow("the execution was stopped");
    await clock.advance(1000);
    expect(done).toBe(true);
  });

  it("refuses more invocations at one time than the account may have", async () => {
    const { clock, lambda, publish } = start(
      async () => {
        await sleep(clock, 10);
        return "{}";
      },
      { concurrentInvocations: 1 },
    );
    publish();
    const first = lambda.invoke("Check", "{}");
    await expect(lambda.invoke("Check", "{}")).rejects.toMatchObject({
      name: "TooManyRequestsException",
      status: 429,
    });
    await clock.runUntil(first);
    await clock.runUntil(lambda.invoke("Check", "{}"));
  });

  it("answers with a fault of its own when the runner fails", async () => {
    const { lambda, publish } = start(async () => {
      throw new Error("no room");
    });
    publish();
    await expect(lambda.invoke("Check", "{}")).rejects.toMatchObject({
      name: "ServiceException",
      status: 500,
      message: "The local AWS could not run Check: no room",
    });
  });
});
