import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  PublishStateMachineVersionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { createVirtualClock, type Definition } from "../../local/asl/index.ts";
import { createGateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import type { InvokeFunction } from "../../local/lambda/function.ts";
import { AwsError } from "../../local/service.ts";
import { createStepFunctions } from "../../local/step-functions.ts";
import type { ServiceEvent, World } from "../../local/world.ts";
import { CALLBACK, LAMBDA, machineOf, seeded } from "./asl/machine.ts";

const ROLE = "arn:aws:iam::000000000000:role/release";
const NESTED = "arn:aws:states:::states:startExecution";

/** Step Functions behind the gateway, asked by the SDK client, under a virtual clock. */
function begin(functions: Record<string, (payload: never) => unknown> = {}) {
  const clock = createVirtualClock({ start: Date.parse("2026-11-24T00:00:00Z") });
  const random = seeded(7);
  const events: ServiceEvent[] = [];
  const world: World = {
    clock,
    random,
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "http://127.0.0.1:1",
    folder: "",
    emit: (event) => events.push(event),
  };
  const invoke: InvokeFunction = async (name, payload) => {
    const found = functions[name];
    if (!found)
      throw new AwsError("ResourceNotFoundException", `Function not found: ${name}`, { status: 404 });
    try {
      return {
        payload: JSON.stringify((await found(JSON.parse(payload) as never)) ?? null),
        executedVersion: "3",
      };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      const failed = JSON.stringify({ errorType, errorMessage, trace: [] });
      return { payload: failed, functionError: "Unhandled", executedVersion: "3" };
    }
  };
  const service = createStepFunctions(world, { invoke });
  const gateway = createGateway([service], { clock, random });
  const client = new SFNClient({
    endpoint: "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(gateway, clock),
  });
  const create = async (name: string, definition: Definition) => {
    const text = JSON.stringify(definition);
    const made = await client.send(new CreateStateMachineCommand({ name, definition: text, roleArn: ROLE }));
    return made.stateMachineArn ?? "";
  };
  const startExecution = async (stateMachineArn: string, input: unknown = {}, name?: string) => {
    const command = new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input), name });
    return (await client.send(command)).executionArn ?? "";
  };
  const finish = async (executionArn: string) => {
    await clock.runUntil(service.executionEnd(executionArn));
    return client.send(new DescribeExecutionCommand({ executionArn }));
  };
  return { clock, client, service, events, create, startExecution, finish };
}

const waiting = machineOf({ W: { Type: "Wait", Seconds: 60, End: true } });
const invoking = (arguments_: object = {}, members: object = {}) =>
  machineOf({
    T: {
      Type: "Task",
      Resource: LAMBDA,
      Arguments: { FunctionName: "f", ...arguments_ },
      End: true,
      ...members,
    },
  });

describe("state machines", () => {
  it("are created, described, listed, updated, published and deleted", async () => {
    const { client, create } = begin();
    const arn = await create("release", waiting);
    expect(arn).toBe("arn:aws:states:eu-central-1:000000000000:stateMachine:release");
    expect(await create("release", waiting)).toBe(arn);
    await create("deploy", waiting);
    const published = await client.send(new PublishStateMachineVersionCommand({ stateMachineArn: arn }));
    expect(published.stateMachineVersionArn).toBe(`${arn}:1`);
    const definition = JSON.stringify(invoking());
    const updated = await client.send(
      new UpdateStateMachineCommand({ stateMachineArn: arn, definition, publish: true }),
    );
    expect(updated.stateMachineVersionArn).toBe(`${arn}:2`);
    const current = await client.send(new DescribeStateMachineCommand({ stateMachineArn: arn }));
    expect(current).toMatchObject({
      name: "release",
      status: "ACTIVE",
      type: "STANDARD",
      definition,
      roleArn: ROLE,
    });
    const first = await client.send(new DescribeStateMachineCommand({ stateMachineArn: `${arn}:1` }));
    expect(first.definition).toBe(JSON.stringify(waiting));
    const { stateMachines, nextToken } = await client.send(new ListStateMachinesCommand({ maxResults: 1 }));
    expect(stateMachines).toMatchObject([{ name: "deploy" }]);
    const rest = await client.send(new ListStateMachinesCommand({ maxResults: 1, nextToken }));
    expect(rest.stateMachines).toMatchObject([{ name: "release" }]);
    await client.send(new DeleteStateMachineCommand({ stateMachineArn: arn }));
    await expect(
      client.send(new DescribeStateMachineCommand({ stateMachineArn: arn })),
    ).rejects.toMatchObject({
      name: "StateMachineDoesNotExist",
    });
  });

  it.each([
    ["a name with a blank", { name: "a b" }, "InvalidName"],
    ["a name with a colon", { name: "sha256:ab" }, "InvalidName"],
    ["a bad role", { roleArn: "role" }, "InvalidArn"],
    ["a bad definition", { definition: "{}" }, "InvalidDefinition"],
    ["an express workflow", { type: "EXPRESS" as const }, "StateMachineTypeNotSupported"],
    [
      "an integration that is not there",
      {
        definition: JSON.stringify(
          machineOf({ T: { Type: "Task", Resource: "arn:aws:states:::sqs:sendMessage", End: true } }),
        ),
      },
      "InvalidDefinition",
    ],
  ])("are refused with %s", async (_what, members, name) => {
    const { client } = begin();
    const command = new CreateStateMachineCommand({
      name: "m",
      definition: JSON.stringify(waiting),
      roleArn: ROLE,
      ...members,
    });
    await expect(client.send(command)).rejects.toMatchObject({ name });
  });

  it("stay until their last execution has ended, which keeps its definition", async () => {
    const { client, create, startExecution, finish } = begin();
    const arn = await create("m", waiting);
    const executionArn = await startExecution(arn);
    await client.send(
      new UpdateStateMachineCommand({ stateMachineArn: arn, definition: JSON.stringify(invoking()) }),
    );
    await client.send(new DeleteStateMachineCommand({ stateMachineArn: arn }));
    await expect(startExecution(arn)).rejects.toMatchObject({ name: "StateMachineDeleting" });
    const used = await client.send(new DescribeStateMachineForExecutionCommand({ executionArn }));
    expect(used.definition).toBe(JSON.stringify(waiting));
    expect((await finish(executionArn)).status).toBe("SUCCEEDED");
    await expect(startExecution(arn)).rejects.toMatchObject({ name: "StateMachineDoesNotExist" });
  });
});

describe("executions", () => {
  it("are the same for the same name and input while open; closed, the name is taken for 90 days", async () => {
    const { clock, create, startExecution, finish } = begin();
    const arn = await create("m", waiting);
    const first = await startExecution(arn, { a: 1 }, "one");
    expect(first).toBe("arn:aws:states:eu-central-1:000000000000:execution:m:one");
    expect(await startExecution(arn, { a: 1 }, "one")).toBe(first);
    await expect(startExecution(arn, { a: 2 }, "one")).rejects.toMatchObject({
      name: "ExecutionAlreadyExists",
    });
    await finish(first);
    await expect(startExecution(arn, { a: 1 }, "one")).rejects.toMatchObject({
      name: "ExecutionAlreadyExists",
    });
    await clock.advance(91 * 24 * 3_600_000);
    expect(await startExecution(arn, { a: 1 }, "one")).toBe(first);
  });

  it("refuse an input that is no JSON, and a machine that is not there", async () => {
    const { client, create } = begin();
    const stateMachineArn = await create("m", waiting);
    const start = (members: object) =>
      client.send(new StartExecutionCommand({ stateMachineArn, ...members }));
    await expect(start({ input: "{" })).rejects.toMatchObject({ name: "InvalidExecutionInput" });
    await expect(start({ input: JSON.stringify("x".repeat(262_144)) })).rejects.toMatchObject({
      name: "InvalidExecutionInput",
    });
    await expect(start({ stateMachineArn: `${stateMachineArn}x` })).rejects.toMatchObject({
      name: "StateMachineDoesNotExist",
    });
    await expect(start({ stateMachineArn: "m" })).rejects.toMatchObject({ name: "InvalidArn" });
  });

  it("are described, listed by status newest first, and stopped", async () => {
    const { client, clock, create, startExecution, finish } = begin();
    const stateMachineArn = await create("m", waiting);
    const first = await startExecution(stateMachineArn, { n: 1 }, "first");
    await clock.advance(1000);
    const second = await startExecution(stateMachineArn, {}, "second");
    await client.send(
      new StopExecutionCommand({ executionArn: second, error: "Cancelled", cause: "by Ann" }),
    );
    expect(await client.send(new DescribeExecutionCommand({ executionArn: second }))).toMatchObject({
      status: "ABORTED",
      error: "Cancelled",
      cause: "by Ann",
    });
    const names = async (members: object) => {
      const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn, ...members }));
      return executions?.map(({ name }) => name);
    };
    expect(await names({})).toEqual(["second", "first"]);
    expect(await names({ statusFilter: "RUNNING" })).toEqual(["first"]);
    expect(await finish(first)).toMatchObject({ status: "SUCCEEDED", input: '{"n":1}', output: '{"n":1}' });
  });

  it("tell the bus when they start and end", async () => {
    const { events, create, startExecution, finish } = begin();
    const executionArn = await startExecution(await create("m", waiting), { a: 1 }, "one");
    await finish(executionArn);
    expect(events.map(({ detail }) => detail.status)).toEqual(["RUNNING", "SUCCEEDED"]);
    expect(events[1]).toMatchObject({
      source: "aws.states",
      "detail-type": "Step Functions Execution Status Change",
      resources: [executionArn],
      detail: { executionArn, name: "one", input: '{"a":1}', output: '{"a":1}', stopDate: 1795478460000 },
    });
  });

  it("show their history in pages, in either order, with or without the data, and live", async () => {
    const { client, service, create, startExecution, finish } = begin();
    const live: string[] = [];
    const stopListening = service.onHistoryEvent(({ type }, { name }) => live.push(`${name} ${type}`));
    const executionArn = await startExecution(await create("m", waiting), { a: 1 }, "one");
    await finish(executionArn);
    stopListening();
    const history = (members: object) =>
      client.send(new GetExecutionHistoryCommand({ executionArn, ...members }));
    const { events, nextToken } = await history({ maxResults: 3 });
    expect(events?.[1]).toMatchObject({
      id: 2,
      previousEventId: 0,
      timestamp: new Date("2026-11-24T00:00:00Z"),
      stateEnteredEventDetails: { name: "W", input: '{"a":1}', inputDetails: { truncated: false } },
    });
    expect((await history({ maxResults: 3, nextToken })).events?.map(({ id }) => id)).toEqual([4]);
    expect((await history({ reverseOrder: true })).events?.map(({ id }) => id)).toEqual([4, 3, 2, 1]);
    const bare = await history({ includeExecutionData: false });
    expect(bare.events?.[1]?.stateEnteredEventDetails).toEqual({ name: "W" });
    expect(live).toEqual(events?.map(({ type }) => `one ${type}`).concat("one ExecutionSucceeded"));
  });

  it("end with the service", async () => {
    const { service, clock, create, startExecution } = begin();
    const executionArn = await startExecution(await create("m", waiting));
    await service.stop();
    expect(await service.executionEnd(executionArn)).toBe("ABORTED");
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("Lambda tasks", () => {
  it("give the payload with what AWS's SDK adds", async () => {
    const { create, startExecution, finish } = begin({ "f:3": ({ n }: { n: number }) => ({ twice: 2 * n }) });
    const arn = await create("m", invoking({ Qualifier: "3", Payload: "{% $states.input %}" }));
    const { output = "" } = await finish(await startExecution(arn, { n: 4 }));
    expect(JSON.parse(output)).toMatchObject({
      ExecutedVersion: "3",
      Payload: { twice: 8 },
      SdkHttpMetadata: { HttpStatusCode: 200, HttpHeaders: { "Content-Length": "11" } },
      StatusCode: 200,
    });
  });

  it("give the bare payload where the Resource is the function's ARN", async () => {
    const arn = "arn:aws:lambda:eu-central-1:000000000000:function:f";
    const { create, startExecution, finish } = begin({ [arn]: (payload: unknown) => payload });
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
      ask: (token: string) => {
        tokens.push(token);
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
