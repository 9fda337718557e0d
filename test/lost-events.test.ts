import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it } from "vitest";
import type { Release } from "../core/records.ts";
import type { ServiceEvent } from "../local/world.ts";
import { oneEnvironment } from "./simulation/environments.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);

/** Lets a rule hear nothing from now on: as lost as an event can be. */
async function silence(rule: string): Promise<void> {
  const bus = new EventBridgeClient(world.connection.client);
  await run(bus.send(new DisableRuleCommand({ Name: rule })));
}

/**
 * Releases once as usual, and once with every event of some rules lost.
 * @param behaviours of the two.
 * @returns how many seconds longer the second took.
 */
async function secondsLost(
  rules: readonly string[],
  behaviours: readonly [Behaviour, Behaviour] = [{}, {}],
): Promise<number> {
  world = await createWorld();
  await world.release("aaaaaaa");
  const heard = await run(world.records.requireRelease(await world.release("bbbbbbb", behaviours[0])));
  for (const rule of rules) await silence(rule);
  const unheard = await run(world.records.requireRelease(await world.release("ccccccc", behaviours[1])));
  expect([heard.outcome, unheard.outcome]).toEqual(["Released", "Released"]);
  expect(await world.servingIn("production")).toBe("ccccccc");
  expect(await run(world.records.openWaits())).toEqual([]);
  return (lasted(unheard) - lasted(heard)) / 1000;
}

const lasted = ({ openedAt, endedAt = 0 }: Release) => endedAt - openedAt;
const migratingTo = (after: string): Behaviour => ({
  migration: {
    after,
    history: ["0001", "0002", "0003"].filter((revision) => revision <= after),
    readableFrom: "0001",
  },
});
const migrations = [migratingTo("0002"), migratingTo("0003")] as const;

/** One look is due after 60 s, and Reconcile comes each minute. */
const oneLook = 120;

describe("an end that nobody hears of", () => {
  it("of a build is found by the next look", async () => {
    // The tracks wait side by side; the longest has so many stages.
    const longest = Math.max(...(oneEnvironment().services.web?.tracks ?? []).map(({ length }) => length));
    const lost = await secondsLost(["BuildEnded"]);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThanOrEqual(oneLook * longest);
  });

  it("of a migration's task is found by the next look", async () => {
    const lost = await secondsLost(["TaskStopped"], migrations);
    expect(lost).toBeGreaterThan(0);
    // Two tasks: one that asks where the schema stands, and one that migrates.
    expect(lost).toBeLessThanOrEqual(oneLook * 2);
  });

  it("of an operation of the target is found by the next look", async () => {
    const lost = await secondsLost(["TargetOperationEnded"]);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThanOrEqual(oneLook);
  });

  it("of anything at all makes a release slow, and nothing else", async () => {
    const rules = ["BuildEnded", "TaskStopped", "TargetOperationEnded"];
    expect(await secondsLost(rules, migrations)).toBeLessThanOrEqual(oneLook * 5);
  });

  it("is found although the work's earlier events were heard", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    await world.push("bbbbbbb");
    const began = ({ detail }: ServiceEvent) => detail.operationStatus === "UpdateServiceStarted";
    while (!world.events.slice(from).some(began)) await world.clock.advance(500);
    const begun = world.clock.now();
    await silence("TargetOperationEnded");
    const waiting = async () => (await run(world.records.openWaits())).length > 0;
    while (await waiting()) await world.clock.advance(1_000);
    expect((world.clock.now() - begun) / 1000).toBeLessThanOrEqual(oneLook);
  });
});

describe("an end that is told twice", () => {
  it("is acted on once", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    await world.push("bbbbbbb");
    const told = new Set<ServiceEvent>();
    for (let step = 0; step < 600; step++) {
      await world.clock.advance(500);
      for (const event of world.events.slice(from))
        if (!told.has(event) && ["aws.codebuild", "aws.ecs", "aws.apprunner"].includes(event.source)) {
          told.add(event);
          world.aws.eventBridge.putServiceEvent(event);
        }
    }
    const updates = world.events
      .slice(from)
      .filter(({ detail }) => detail.operationStatus === "UpdateServiceStarted");
    expect(updates).toHaveLength(1);
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    expect(await run(world.records.openReleases())).toEqual([]);
  });
});
