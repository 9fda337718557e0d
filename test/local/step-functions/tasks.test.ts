import {
  DescribeExecutionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { CALLBACK, machineOf } from "../asl/machine.ts";

import { begin, invoking, waiting } from "./service.ts";

const NESTED = "arn:aws:states:::states:startExecution";

describe("Lambda tasks", () => {
  it("give the payload with what AWS's SDK adds", async () => {
    const { create, startExecution, finish } = begin({ "f:3": (payload) => ({ twice: [payload, payload] }) });
    const arn = await create("m", invoking({ Qualifier: "3", Payload: "{% $states.input %}" }));
    const { output = "" } = await finish(await startExecution(arn, { n: 4 }));
    expect(JSON.parse(output)).toMatchObject({
      ExecutedVersion: "3",
      Payload: { twice: [{ n: 4 }, { n: 4 }] },
      SdkHttpMetadata: { HttpStatusCode: 200, HttpHeaders: { "Content-Length": "27" } },
      StatusCode: 200,
    });
  });

  it("give the bare payload where the Resource is the function's ARN", async () => {
    const arn = "arn:aws:lambda:eu-central-1:000000000000:function:f";
    const { create, startExecution, finish } = begin({ [arn]: (payload) => payload });
    const machine = await create("m", machineOf({ T: { Type: "Task", Resource: arn, End: true } }));
    expect((await finish(await startExecution(machine, { a: 1 }))).output).toBe('{"a":1}');
  });

  it("fail under the function's own error name, with its payload as the cause", async () => {
    class LeaseHeld extends Error {
      override readonly name = "LeaseHeld";
    }
    const { create, startExecution, finish } = begin({
      f: () => {
        throw new LeaseHeld("by another");
      },
    });
    const { error, cause = "" } = await finish(await startExecution(await create("m", invoking())));
    expect(error).toBe("LeaseHeld");
    expect(JSON.parse(cause)).toEqual({ errorType: "LeaseHeld", errorMessage: "by another", trace: [] });
  });

  it("fail as AWS does when the function is missing or the arguments make no call", async () => {
    const { create, startExecution, finish } = begin();
    const missing = await finish(await startExecution(await create("missing", invoking())));
    expect(missing.error).toBe("Lambda.ResourceNotFoundException");
    expect(missing.cause).toMatch(
      /^Function not found: f \(Service: AWSLambda; Status Code: 404; Error Code: /,
    );
    const wrong = await finish(await startExecution(await create("wrong", invoking({ Function: "f" }))));
    expect(wrong.error).toBe("States.Runtime");
    expect(wrong.cause).toContain("The field 'Function' is not supported by Step Functions");
  });
});

describe("task tokens", () => {
  const machine = machineOf({
    T: {
      Type: "Task",
      Resource: CALLBACK,
      Arguments: { FunctionName: "ask", Payload: "{% $states.context.Task.Token %}" },
      HeartbeatSeconds: 60,
      End: true,
    },
  });

  it("complete, keep alive and fail their tasks through the API, once", async () => {
    const tokens: string[] = [];
    const { client, clock, create, startExecution, finish } = begin({
      ask: (token) => {
        tokens.push(String(token));
      },
    });
    const arn = await create("m", machine);
    const good = await startExecution(arn);
    const bad = await startExecution(arn);
    await clock.advance(50_000);
    const [first = "", second = ""] = tokens;
    for (const taskToken of tokens) await client.send(new SendTaskHeartbeatCommand({ taskToken }));
    await clock.advance(50_000);
    await client.send(new SendTaskSuccessCommand({ taskToken: first, output: '"yes"' }));
    await client.send(new SendTaskFailureCommand({ taskToken: second, error: "Denied", cause: "no" }));
    expect(await finish(good)).toMatchObject({ status: "SUCCEEDED", output: '"yes"' });
    expect(await finish(bad)).toMatchObject({ status: "FAILED", error: "Denied", cause: "no" });
    const again = (taskToken: string, output = "1") =>
      client.send(new SendTaskSuccessCommand({ taskToken, output }));
    await expect(again(first)).rejects.toMatchObject({ name: "TaskTimedOut" });
    await expect(again("nonsense")).rejects.toMatchObject({ name: "InvalidToken" });
    await expect(again(`${first}x`)).rejects.toMatchObject({ name: "TaskDoesNotExist" });
  });
});

describe("nested executions", () => {
  const nesting = (pattern: string, stateMachineArn: string) =>
    machineOf({
      N: {
        Type: "Task",
        Resource: NESTED + pattern,
        Arguments: { StateMachineArn: stateMachineArn, Input: { a: 1 }, Name: "child" },
        End: true,
      },
    });
  const child = "arn:aws:states:eu-central-1:000000000000:execution:child:child";

  it("only start, for request and response", async () => {
    const { clock, create, startExecution, finish } = begin();
    const parent = await create("parent", nesting("", await create("child", waiting)));
    const started = clock.now();
    const { output = "" } = await finish(await startExecution(parent));
    expect(JSON.parse(output)).toMatchObject({ ExecutionArn: child, StartDate: started });
    expect(clock.now()).toBe(started);
  });

  it.each([
    [".sync", '{"a":1}'],
    [".sync:2", { a: 1 }],
  ])("are waited for with %s", async (pattern, expected) => {
    const { clock, create, startExecution, finish } = begin();
    const parent = await create("parent", nesting(pattern, await create("child", waiting)));
    const started = clock.now();
    const { output = "" } = await finish(await startExecution(parent));
    expect(JSON.parse(output)).toMatchObject({ ExecutionArn: child, Output: expected, Status: "SUCCEEDED" });
    expect(clock.now() - started).toBe(60_000);
  });

  it("fail their parent with States.TaskFailed and a description of themselves", async () => {
    const { create, startExecution, finish } = begin();
    const failing = await create("child", machineOf({ F: { Type: "Fail", Error: "Broken", Cause: "so" } }));
    const { error, cause = "" } = await finish(
      await startExecution(await create("parent", nesting(".sync:2", failing))),
    );
    expect(error).toBe("States.TaskFailed");
    expect(JSON.parse(cause)).toMatchObject({
      Error: "Broken",
      Cause: "so",
      ExecutionArn: child,
      Status: "FAILED",
    });
  });

  it("are stopped with their parent", async () => {
    const { client, clock, create, startExecution } = begin();
    const executionArn = await startExecution(
      await create("parent", nesting(".sync:2", await create("child", waiting))),
    );
    await clock.advance(1000);
    await client.send(new StopExecutionCommand({ executionArn }));
    await clock.advance(0);
    expect(await client.send(new DescribeExecutionCommand({ executionArn: child }))).toMatchObject({
      status: "ABORTED",
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("that cannot be started fail as AWS's integration does", async () => {
    const { create, startExecution, finish } = begin();
    const missing = "arn:aws:states:eu-central-1:000000000000:stateMachine:missing";
    const { error, cause } = await finish(await startExecution(await create("parent", nesting("", missing))));
    expect(error).toBe("StepFunctions.StateMachineDoesNotExistException");
    expect(cause).toMatch(
      /^State Machine Does Not Exist: '.+' \(Service: AWSStepFunctions; Status Code: 400; /,
    );
  });
});
