import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  PublishStateMachineVersionCommand,
  RedriveExecutionCommand,
  SendTaskSuccessCommand,
  UpdateStateMachineCommand,
} from "@aws-sdk/client-sfn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore, type Store } from "../../../local/store.ts";
import { CALLBACK, LAMBDA, machineOf } from "../asl/machine.ts";
import { begin, ROLE } from "./service.ts";

let folder = "";
let open: Store[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spillway-restart-"));
});
afterEach(() => {
  for (const store of open) store.close();
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

type Functions = Parameters<typeof begin>[0];
type Service = ReturnType<typeof begin>;

/** A first life of Step Functions on the folder. */
function born(functions: Functions = {}): Service {
  const store = openStore(folder);
  open.push(store);
  return begin(functions, { store });
}

/** The next life, after the one before was killed: nothing that it does from now on is kept, and it is not stopped. */
async function bornAgain(before: Service, functions: Functions = {}, minutesLater = 0) {
  for (const store of open) store.close();
  const store = openStore(folder);
  open.push(store);
  const after = begin(functions, { store, now: before.clock.now() + minutesLater * 60_000 });
  const restored = await after.clock.runUntil(after.service.restore());
  return { ...after, restored };
}

const history = async ({ client }: Pick<Service, "client">, executionArn: string) =>
  (await client.send(new GetExecutionHistoryCommand({ executionArn }))).events;

const asking = machineOf({
  Ask: {
    Type: "Task",
    Resource: CALLBACK,
    Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
    TimeoutSeconds: 600,
    Retry: [{ ErrorEquals: ["Runtime.ExitError"], IntervalSeconds: 1, MaxAttempts: 3 }],
    Next: "Rest",
  },
  Rest: { Type: "Wait", Seconds: 60, End: true },
});

describe("Step Functions after a kill", () => {
  it("answers about machines, versions and ended executions as before", async () => {
    const first = born({ work: () => "done" });
    const machine = machineOf({
      Work: { Type: "Task", Resource: LAMBDA, Arguments: { FunctionName: "work" }, End: true },
    });
    const stateMachineArn = await first.create("m", machine);
    await first.client.send(new PublishStateMachineVersionCommand({ stateMachineArn }));
    await first.client.send(
      new UpdateStateMachineCommand({ stateMachineArn, definition: JSON.stringify(asking), publish: true }),
    );
    const executionArn = await first.startExecution(`${stateMachineArn}:1`, { a: 1 }, "one");
    await first.finish(executionArn);
    const ask = async ({ client }: Pick<Service, "client">) => [
      await client.send(new DescribeStateMachineCommand({ stateMachineArn })),
      await client.send(new DescribeStateMachineCommand({ stateMachineArn: `${stateMachineArn}:1` })),
      await client.send(new DescribeExecutionCommand({ executionArn })),
      await client.send(new ListExecutionsCommand({ stateMachineArn })),
      await client.send(new GetExecutionHistoryCommand({ executionArn })),
    ];
    const plain = (answers: object[]) => answers.map((answer) => ({ ...answer, $metadata: undefined }));
    const before = await ask(first);
    const second = await bornAgain(first);
    expect(second.restored).toEqual({ open: 0, lost: [] });
    expect(plain(await ask(second))).toEqual(plain(before));
    await expect(second.startExecution(stateMachineArn, {}, "one")).rejects.toThrow("Already Exists");
  });

  it("lets an execution that sleeps on a token be woken with the same token", async () => {
    let token = "";
    const ask = (payload: unknown) => {
      token = Object(payload).token;
    };
    const first = born({ ask });
    const executionArn = await first.startExecution(await first.create("m", asking));
    await first.clock.advance(1000);
    const second = await bornAgain(first, { ask });
    expect(second.restored).toEqual({ open: 1, lost: [] });
    expect(await history(second, executionArn)).toEqual(await history(first, executionArn));
    second.service.goOn();
    await second.client.send(new SendTaskSuccessCommand({ taskToken: token, output: '"yes"' }));
    expect(await second.finish(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '"yes"' });
    const third = await bornAgain(second, { ask });
    const again = third.client.send(new SendTaskSuccessCommand({ taskToken: token, output: "1" }));
    await expect(again).rejects.toThrow("already been closed");
    expect(await third.client.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({
      status: "SUCCEEDED",
      output: '"yes"',
    });
  });

  it("fails the function that was running as Lambda does when a sandbox dies, and the machine tries again", async () => {
    const first = born({ ask: () => new Promise(() => {}) });
    const executionArn = await first.startExecution(await first.create("m", asking));
    await first.clock.advance(100);
    const tokens: string[] = [];
    const second = await bornAgain(first, { ask: (payload) => tokens.push(Object(payload).token) });
    second.service.goOn();
    await second.clock.advance(2000);
    const failed = (await history(second, executionArn))?.find(({ type }) => type === "TaskFailed");
    expect(failed?.taskFailedEventDetails).toMatchObject({ error: "Runtime.ExitError" });
    await second.client.send(new SendTaskSuccessCommand({ taskToken: tokens[0], output: "1" }));
    expect(await second.finish(executionArn)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("waits for a nested execution again", async () => {
    const first = born();
    const child = await first.create("child", machineOf({ W: { Type: "Wait", Seconds: 90, End: true } }));
    const parent = machineOf({
      Run: {
        Type: "Task",
        Resource: "arn:aws:states:::states:startExecution.sync:2",
        Arguments: { StateMachineArn: child, Input: { a: 1 } },
        Output: "{% $states.result.Output %}",
        End: true,
      },
    });
    const executionArn = await first.startExecution(await first.create("parent", parent));
    await first.clock.advance(1000);
    const second = await bornAgain(first, {}, 60);
    expect(second.restored.open).toBe(2);
    second.service.goOn();
    expect(await second.finish(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '{"a":1}' });
    const { executions } = await second.client.send(new ListExecutionsCommand({ stateMachineArn: child }));
    expect(executions).toHaveLength(1);
  });

  it("keeps the definition with which an execution began, and ends by name what no longer runs as it did", async () => {
    const first = born();
    const waiting = machineOf({ W: { Type: "Wait", Seconds: 60, End: true } });
    const stateMachineArn = await first.create("m", waiting);
    const executionArn = await first.startExecution(stateMachineArn);
    await first.clock.advance(1000);
    const second = await bornAgain(first);
    await second.client.send(
      new UpdateStateMachineCommand({ stateMachineArn, definition: JSON.stringify(asking) }),
    );
    second.service.goOn();
    await second.clock.advance(1000);
    // What was recorded is not what the machine does: as after a change of the engine.
    const key = `states/history/${executionArn}`;
    const kept = open.at(-1)?.kept<readonly { id: number; type: string }[]>(key);
    for (const [name, events] of kept?.entries() ?? [])
      kept?.put(
        name,
        events.map((event) => ({ ...event, type: "PassStateEntered" })),
      );
    await Promise.resolve();
    const third = await bornAgain(second);
    expect(third.restored).toEqual({ open: 0, lost: [executionArn] });
    expect(await third.client.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({
      status: "FAILED",
      error: "States.Runtime",
      cause: expect.stringContaining("could not be brought back to where it was"),
    });
    expect((await history(third, executionArn))?.at(-1)?.type).toBe("ExecutionFailed");
    expect(third.events.at(-1)?.detail).toMatchObject({ executionArn, status: "FAILED" });
  });

  it("goes on with a redriven execution, and may redrive one that ended in an earlier life", async () => {
    let isBroken = true;
    const work = () => {
      if (isBroken) throw new Error("broken");
      return "done";
    };
    const machine = machineOf({
      Work: { Type: "Task", Resource: LAMBDA, Arguments: { FunctionName: "work" }, Next: "Rest" },
      Rest: { Type: "Wait", Seconds: 60, End: true },
    });
    const first = born({ work });
    const executionArn = await first.startExecution(await first.create("m", machine));
    expect(await first.finish(executionArn)).toMatchObject({ status: "FAILED" });
    isBroken = false;
    const second = await bornAgain(first, { work });
    await second.client.send(new RedriveExecutionCommand({ executionArn }));
    await second.clock.advance(1000);
    const third = await bornAgain(second, { work });
    third.service.goOn();
    expect(await third.finish(executionArn)).toMatchObject({ status: "SUCCEEDED", redriveCount: 1 });
  });

  it("does not make a machine twice", async () => {
    const first = born();
    const stateMachineArn = await first.create("m", asking);
    const second = await bornAgain(first);
    expect(await second.create("m", asking)).toBe(stateMachineArn);
    const other = JSON.stringify(machineOf({ W: { Type: "Wait", Seconds: 1, End: true } }));
    const made = second.client.send(
      new CreateStateMachineCommand({ name: "m", definition: other, roleArn: ROLE }),
    );
    await expect(made).rejects.toThrow("Already Exists");
  });
});
