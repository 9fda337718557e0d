import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from "@aws-sdk/client-cloudwatch";
import { afterEach, describe, expect, it } from "vitest";
import type { Deployment } from "../core/records.ts";
import { exampleWith } from "./simulation/environments.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const environment = () => run(world.records.environment("web", "production"));
const health = { intervalSeconds: 1, consecutiveSuccesses: 2, deadlineSeconds: 30 };
type Bake = NonNullable<Parameters<typeof exampleWith>[0]["bake"]>;
const worldThatBakes = async (bake: Bake) => {
  world = await createWorld(1, exampleWith({ health, bake }));
};
const deploymentOf = async (id: string): Promise<Deployment | undefined> =>
  (await run(world.records.deployments(id))).at(-1);
const idOf = (digest: string) => `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
/** Pushes and goes on until the release bakes. */
async function baking(tag: string, behaviour: Behaviour = {}): Promise<string> {
  const id = idOf(await world.push(tag, behaviour));
  const looks = () =>
    world.events.filter(({ detail }) => detail.operationStatus === "UpdateServiceCompletedSuccessfully")
      .length;
  const before = looks();
  while (looks() === before) await world.clock.advance(1_000);
  await world.clock.advance(10_000);
  return id;
}

describe("a release that bakes", () => {
  it("is released once it was well for the whole time, and holds the lease meanwhile", async () => {
    await worldThatBakes({ minutes: 10 });
    await world.release("aaaaaaa");
    const begun = world.clock.now();
    const id = await baking("bbbbbbb");
    expect((await environment()).lease?.release).toBe(id);
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    expect(world.clock.now() - begun).toBeGreaterThan(600_000);
    expect(await deploymentOf(id)).toMatchObject({
      bake: { verdict: "healthy", state: { looks: 11, last: { alarms: [] } } },
      reason: expect.stringContaining("then well for 10 minutes and 11 looks"),
    });
  });

  it("is rolled back, and put in quarantine, if it becomes ill", async () => {
    await worldThatBakes({ minutes: 30, intervalSeconds: 30 });
    await world.release("aaaaaaa");
    const behaviour = { failsFrom: Number.POSITIVE_INFINITY };
    const id = await baking("bbbbbbb", behaviour);
    behaviour.failsFrom = world.clock.now() + 60_000;
    expect(await world.ended(id)).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("BakeFailed: 3 bad answers in a row: /health answered HTTP 500"),
    });
    expect(world.serving()).toBe("aaaaaaa");
    expect(await run(world.records.quarantines("web"))).toMatchObject([{ release: id }]);
    expect((await environment()).hold).toMatchObject({ release: id });
  });

  it("is rolled back when an alarm begins to ring", async () => {
    await worldThatBakes({ minutes: 30, alarms: ["orders-are-lost"] });
    await makeAlarm("orders-are-lost", "OK");
    await world.release("aaaaaaa");
    const id = await baking("bbbbbbb");
    await ring("orders-are-lost", "ALARM");
    expect(await world.ended(id)).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("BakeFailed: the alarm orders-are-lost rings"),
    });
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("is rolled back when too many of its users' requests fail", async () => {
    await worldThatBakes({ minutes: 30, errorPercent: 5, minimumRequests: 20, intervalSeconds: 30 });
    await world.release("aaaaaaa", { users: { perMinute: 60 } });
    const id = await baking("bbbbbbb", { users: { perMinute: 60, failing: 6 } });
    const { outcome, reason } = await world.ended(id);
    expect(outcome).toBe("RolledBack");
    expect(reason).toMatch(/BakeFailed: \d+ requests came and \d+ failed, .* %.* of them; 5 % are allowed/);
  });
});

describe("a bake that cannot be judged", () => {
  it.each<[string, Partial<Bake>, string]>([
    ["an alarm is not there", { alarms: ["no-such-alarm"] }, "there is no alarm named no-such-alarm"],
    ["an alarm has no data", { alarms: ["silent"] }, "the alarm silent has not enough data"],
    ["an alarm rang before", { alarms: ["ringing"] }, "rang before the release came and rings still"],
    ["too few came", { errorPercent: 1, minimumRequests: 5_000 }, "the error rate takes 5000 to be told"],
  ])(
    "because %s: the release is kept, the environment held, nothing promoted, and all say why",
    async (_what, rules, words) => {
      await worldThatBakes({ minutes: 5, ...rules });
      await makeAlarm("silent", "INSUFFICIENT_DATA");
      await makeAlarm("ringing", "ALARM");
      await world.clock.advance(60_000);
      const id = await world.release("bbbbbbb");
      const { outcome, reason } = await world.ended(id);
      expect(outcome).toBe("NeedsAttention");
      expect(reason).toContain("is kept, and goes no further");
      expect(reason).toContain(words);
      expect(world.serving()).toBe("bbbbbbb");
      const { live, hold, frozen, lease } = await environment();
      expect({ live: live?.release, hold: hold?.release, frozen, lease }).toEqual({
        ...{ live: id, hold: id, frozen: undefined, lease: undefined },
      });
      expect(await run(world.records.quarantines("web"))).toEqual([]);
    },
  );

  it("is taken back where the config wants proof", async () => {
    await worldThatBakes({ minutes: 5, alarms: ["later"], whenInconclusive: "rollBack" });
    await makeAlarm("later", "OK");
    await world.release("aaaaaaa");
    await ring("later", "INSUFFICIENT_DATA");
    const id = await world.release("bbbbbbb");
    expect(await world.ended(id)).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("BakeUnproven"),
    });
    expect(world.serving()).toBe("aaaaaaa");
    expect(await run(world.records.quarantines("web"))).toEqual([]);
  });

  it("ends at once when a person wants to go back", async () => {
    await worldThatBakes({ minutes: 20 });
    const to = await world.release("aaaaaaa");
    await baking("bbbbbbb");
    const begun = world.clock.now();
    const back = await world.deploy({ intent: "rollback", service: "web", environment: "production", to });
    expect(back).toMatchObject({ status: "SUCCEEDED" });
    expect(world.clock.now() - begun).toBeLessThan(600_000);
    expect(world.serving()).toBe("aaaaaaa");
  });
});

const cloudWatch = () => new CloudWatchClient(world.connection.client);

async function makeAlarm(AlarmName: string, state: "OK" | "ALARM" | "INSUFFICIENT_DATA"): Promise<void> {
  const rule = { ComparisonOperator: "GreaterThanThreshold", EvaluationPeriods: 1, Threshold: 1 } as const;
  await run(cloudWatch().send(new PutMetricAlarmCommand({ AlarmName, ...rule })));
  await ring(AlarmName, state);
}

async function ring(AlarmName: string, StateValue: "OK" | "ALARM" | "INSUFFICIENT_DATA"): Promise<void> {
  await run(cloudWatch().send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: "a test" })));
}
