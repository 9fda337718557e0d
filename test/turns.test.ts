import { SFNClient, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import type { ServiceEvent } from "../local/world.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const production = () => run(world.records.environment("web", "production"));
const idOf = (digest: string) => `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
const push = async (...args: Parameters<SimulatedWorld["push"]>) => idOf(await world.push(...args));
/** Changes to the target, in the order in which they began. */
const updates = (from: number) =>
  world.events.slice(from).filter(({ detail }) => detail.operationStatus === "UpdateServiceStarted").length;

async function until(isIt: () => boolean | Promise<boolean>): Promise<void> {
  for (let step = 0; step < 2_000; step++) {
    if (await isIt()) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

const told = (from: number, isIt: (event: ServiceEvent) => boolean) => () =>
  world.events.slice(from).some(isIt);
const began = ({ detail }: ServiceEvent) => detail.operationStatus === "UpdateServiceStarted";

/** A first release, and a second whose deployment goes on for minutes. */
async function busyWorld() {
  world = await createWorld();
  const first = await world.release("aaaaaaa");
  const from = world.events.length;
  const slow = await push("bbbbbbb", { startSeconds: 180 });
  await until(told(from, began));
  return { first, slow, from };
}

async function expectNothingOpen(): Promise<void> {
  expect(await run(world.records.openDeployments())).toEqual([]);
  expect(await run(world.records.openReleases())).toEqual([]);
  expect(await run(world.records.openWaits())).toEqual([]);
  const { lease, next, ahead } = await production();
  expect({ lease, next, ahead }).toEqual({ lease: undefined, next: undefined, ahead: undefined });
}

describe("releases that come while another is deployed", () => {
  it("wait in one place: the newest goes next, and the ones before it are superseded at once", async () => {
    const { slow, from } = await busyWorld();
    const passedOver = await push("ccccccc");
    await until(async () => (await production()).next?.release === passedOver);
    expect((await production()).next?.why).toContain(`deploy ${slow}`);
    const newest = await push("ddddddd");
    await until(async () => (await production()).next?.release === newest);
    expect(await world.ended(passedOver)).toMatchObject({
      outcome: "Superseded",
      reason: expect.stringContaining(`${newest} (order 4) is newer than ${passedOver} (order 3)`),
    });
    expect((await production()).lease?.release).toBe(slow);
    expect(await world.ended(newest)).toMatchObject({ outcome: "Released" });
    expect(await world.servingIn("production")).toBe("ddddddd");
    expect(updates(from)).toBe(2);
    await world.clock.advance(120_000);
    await expectNothingOpen();
  });

  it("are superseded if they are older than who waits, however late they come", async () => {
    await busyWorld();
    const late = await push("ccccccc", { stages: { "unit-tests": { seconds: 60 } } });
    const newest = await push("ddddddd");
    await until(async () => (await production()).next?.release === newest);
    expect(await world.ended(late)).toMatchObject({
      outcome: "Superseded",
      reason: expect.stringContaining("is newer than"),
    });
    expect((await run(world.records.deployments(late)))[0]?.fence).toBeUndefined();
    expect(await world.ended(newest)).toMatchObject({ outcome: "Released" });
  });

  it("get their turn although nobody wakes them: the next look does", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const before = await production();
    const lease = { owner: "arn:a-person", release: "web-0", fence: 9, reason: "by hand", since: 0 };
    await run(world.records.takeLease(before, lease, {}));
    const next = await push("bbbbbbb");
    await until(async () => (await production()).next?.release === next);
    const { owner, release, fence } = lease;
    const freed = { owner, release, fence, at: world.clock.now(), reason: "by hand" };
    await run(world.records.releaseLease("web", "production", freed));
    const since = world.clock.now();
    await until(async () => (await production()).lease?.release === next);
    // Reconcile comes each minute, and looks at what is due by then.
    expect(world.clock.now() - since).toBeLessThanOrEqual(120_000);
    expect(await world.ended(next)).toMatchObject({ outcome: "Released" });
  });

  it("leave the line when their execution is stopped", async () => {
    await busyWorld();
    const waiting = await push("ccccccc");
    await until(async () => (await production()).next?.release === waiting);
    const [deployment] = await run(world.records.deployments(waiting));
    const states = new SFNClient(world.connection.client);
    await run(states.send(new StopExecutionCommand({ executionArn: deployment?.executionArn })));
    await until(async () => (await production()).next === undefined);
    expect(await world.ended(waiting)).toMatchObject({ outcome: "Cancelled" });
    await world.clock.advance(600_000);
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    await expectNothingOpen();
  });
});

describe("a rollback that is asked for while another is deployed", () => {
  it("comes before whoever is in line, and that one comes after it", async () => {
    const { first, slow } = await busyWorld();
    const next = await push("ccccccc");
    await until(async () => (await production()).next?.release === next);
    const states = new SFNClient(world.connection.client);
    const input = { intent: "rollback", service: "web", environment: "production", to: first };
    await run(
      states.send(
        new StartExecutionCommand({
          stateMachineArn: world.made.machines.DeployMachine,
          input: JSON.stringify({ ...input, reason: "the old one was better" }),
        }),
      ),
    );
    await until(async () => (await production()).ahead !== undefined);
    await until(async () => (await production()).lease?.release === first);
    expect(await production()).toMatchObject({
      lease: { reason: `rollback ${first}: the old one was better` },
      next: { release: next },
      freed: { release: slow, reason: "its deployment ended as Released" },
    });
    expect((await production()).ahead).toBeUndefined();
    expect(await world.ended(next)).toMatchObject({ outcome: "Released" });
    const order = await Promise.all(
      [slow, first, next].map(async (id) => (await run(world.records.deployments(id))).at(-1)?.endedAt ?? 0),
    );
    expect(order).toEqual(order.toSorted((one, other) => one - other));
    await world.clock.advance(120_000);
    await expectNothingOpen();
  });

  it("keeps nobody waiting once it was stopped", async () => {
    const { first } = await busyWorld();
    const next = await push("ccccccc");
    await until(async () => (await production()).next?.release === next);
    const states = new SFNClient(world.connection.client);
    const input = { intent: "rollback", service: "web", environment: "production", to: first };
    const { executionArn } = await run(
      states.send(
        new StartExecutionCommand({
          stateMachineArn: world.made.machines.DeployMachine,
          input: JSON.stringify(input),
        }),
      ),
    );
    await until(async () => (await production()).ahead !== undefined);
    await run(states.send(new StopExecutionCommand({ executionArn })));
    expect(await world.ended(next)).toMatchObject({ outcome: "Released" });
    await world.clock.advance(120_000);
    await expectNothingOpen();
  });
});
