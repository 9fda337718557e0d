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
  StartExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { machineOf } from "../asl/machine.ts";

import { begin, invoking, ROLE, waiting } from "./service.ts";

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
