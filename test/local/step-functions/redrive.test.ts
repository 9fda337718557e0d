import {
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { machineOf } from "../asl/machine.ts";
import { begin, invoking, waiting } from "./service.ts";

const DAY = 24 * 3_600_000;

/** An execution of a machine whose function fails until it is mended. */
async function failed() {
  let isMended = false;
  const world = begin({
    f: () => {
      if (isMended) return "mended";
      throw new RangeError("broken");
    },
  });
  const machine = await world.create("m", invoking());
  const executionArn = await world.startExecution(machine);
  await world.finish(executionArn);
  const redrive = (clientToken?: string) =>
    world.client.send(
      new RedriveExecutionCommand({ executionArn, ...(clientToken === undefined ? {} : { clientToken }) }),
    );
  const describeIt = () => world.client.send(new DescribeExecutionCommand({ executionArn }));
  return {
    ...world,
    machine,
    executionArn,
    redrive,
    describeIt,
    mend: () => {
      isMended = true;
    },
  };
}

describe("RedriveExecution", () => {
  it("goes on under the same ARN, and says so wherever an execution is shown", async () => {
    const { client, clock, executionArn, machine, redrive, mend, finish, describeIt, events } =
      await failed();
    expect(await describeIt()).toMatchObject({
      status: "FAILED",
      redriveCount: 0,
      redriveStatus: "REDRIVABLE",
    });
    mend();
    await clock.advance(DAY);
    const { redriveDate } = await redrive();
    expect(redriveDate?.getTime()).toBe(clock.now());
    expect(await finish(executionArn)).toMatchObject({
      status: "SUCCEEDED",
      redriveCount: 1,
      redriveDate,
      redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
    });
    const { events: history = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn }));
    expect(history.find(({ type }) => type === "ExecutionRedriven")).toMatchObject({
      executionRedrivenEventDetails: { redriveCount: 1 },
    });
    const listed = async (redriveFilter: "REDRIVEN" | "NOT_REDRIVEN") =>
      (await client.send(new ListExecutionsCommand({ stateMachineArn: machine, redriveFilter }))).executions;
    expect(await listed("REDRIVEN")).toMatchObject([{ executionArn, redriveCount: 1, redriveDate }]);
    expect(await listed("NOT_REDRIVEN")).toEqual([]);
    expect(events.map(({ detail }) => [detail.status, detail.redriveCount, detail.redriveStatus])).toEqual([
      ["RUNNING", 0, "NOT_REDRIVABLE"],
      ["FAILED", 0, "REDRIVABLE"],
      ["RUNNING", 1, "NOT_REDRIVABLE"],
      ["SUCCEEDED", 1, "NOT_REDRIVABLE"],
    ]);
  });

  it("uses the definition with which the execution began", async () => {
    const { client, machine, redrive, mend, finish, executionArn } = await failed();
    const definition = JSON.stringify(machineOf({ F: { Type: "Fail", Error: "Other" } }));
    await client.send(new UpdateStateMachineCommand({ stateMachineArn: machine, definition }));
    mend();
    await redrive();
    expect((await finish(executionArn)).status).toBe("SUCCEEDED");
  });

  it("is done once for one client token", async () => {
    const { clock, redrive, finish, executionArn, describeIt } = await failed();
    const { redriveDate } = await redrive("once");
    await finish(executionArn);
    await clock.advance(60_000);
    expect((await redrive("once")).redriveDate).toEqual(redriveDate);
    expect((await describeIt()).redriveCount).toBe(1);
    await clock.advance(15 * 60_000);
    expect((await redrive("once")).redriveDate).not.toEqual(redriveDate);
  });

  it("is refused for one that runs, has succeeded, is too old or whose machine is gone, and says which", async () => {
    const refused = (reason: string) => ({ name: "ExecutionNotRedrivable", message: reason });
    const { client, machine, redrive, describeIt } = await failed();
    await client.send(new DeleteStateMachineCommand({ stateMachineArn: machine }));
    await expect(redrive()).rejects.toMatchObject(refused("State machine is in DELETING status"));
    expect((await describeIt()).redriveStatus).toBe("NOT_REDRIVABLE");

    const old = await failed();
    await old.clock.advance(14 * DAY + 1);
    await expect(old.redrive()).rejects.toMatchObject(refused("Execution redrivable period exceeded"));

    const world = begin();
    const executionArn = await world.startExecution(await world.create("w", waiting));
    const again = () => world.client.send(new RedriveExecutionCommand({ executionArn }));
    await expect(again()).rejects.toMatchObject(refused("Execution is RUNNING and cannot be redriven"));
    await world.finish(executionArn);
    await expect(again()).rejects.toMatchObject(refused("Execution is SUCCEEDED and cannot be redriven"));
    const nobody = new RedriveExecutionCommand({ executionArn: executionArn.replace(/:[^:]*$/, ":nobody") });
    await expect(world.client.send(nobody)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
  });

  it("goes on with an execution that a person stopped", async () => {
    const { client, create, startExecution, finish } = begin();
    const executionArn = await startExecution(await create("w", waiting));
    await client.send(new StopExecutionCommand({ executionArn, error: "Enough" }));
    await client.send(new RedriveExecutionCommand({ executionArn }));
    const running = await client.send(new DescribeExecutionCommand({ executionArn }));
    expect(running).toMatchObject({ status: "RUNNING", redriveCount: 1, redriveStatus: "NOT_REDRIVABLE" });
    expect([running.stopDate, running.error]).toEqual([undefined, undefined]);
    expect(await finish(executionArn)).toMatchObject({ status: "SUCCEEDED", redriveCount: 1 });
  });
});

describe("tokens of pages", () => {
  it("go on where the page ended although executions came, and are refused for another question or too late", async () => {
    const { client, clock, create, startExecution } = begin();
    const stateMachineArn = await create("w", waiting);
    const started: string[] = [];
    for (let count = 0; count < 3; count++) started.push(await startExecution(stateMachineArn));
    const list = (input: { nextToken?: string; statusFilter?: "RUNNING" | "FAILED" }) =>
      client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 2, ...input }));
    const { executions: first = [], nextToken = "" } = await list({});
    await startExecution(stateMachineArn);
    const { executions: second = [], nextToken: last } = await list({ nextToken });
    expect([...first, ...second].map(({ executionArn }) => executionArn)).toEqual(started.toReversed());
    expect(last).toBeUndefined();
    await expect(list({ nextToken, statusFilter: "RUNNING" })).rejects.toMatchObject({
      name: "InvalidToken",
    });
    await expect(list({ nextToken: "nonsense" })).rejects.toMatchObject({ name: "InvalidToken" });
    await clock.advance(DAY + 1);
    await expect(list({ nextToken })).rejects.toMatchObject({
      name: "InvalidToken",
      message: "Invalid Token: 'Token has expired'",
    });
  });
});
