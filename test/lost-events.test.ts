import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it } from "vitest";
import type { Release } from "../core/records.ts";
import { sleep } from "../local/asl/index.ts";
import type { ServiceEvent } from "../local/world.ts";
import { createBetween, type Fate } from "./permissions/between.ts";
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

/** What CodeBuild says of a build that has passed. */
function endOf(stage: string, arn: string): ServiceEvent {
  const detail = { "build-status": "SUCCEEDED", "project-name": `spillway-web-${stage}`, "build-id": arn };
  return { source: "aws.codebuild", "detail-type": "CodeBuild Build State Change", resources: [arn], detail };
}

it("wakes the retry that put its token in place while an event that came early was looked into", async () => {
  const between = createBetween();
  world = await createWorld(1, oneEnvironment(), {}, { seams: () => between.seams });
  const pause = async (seconds: number, fate: Fate) => {
    await sleep(world.clock, seconds * 1000);
    return fate;
  };
  const key = "/stage/static-analysis";
  const find = async () => (await run(world.records.openWaits())).find((wait) => wait.key.endsWith(key));
  between.after({ function: "RunStage", operation: "DynamoDB_20120810.UpdateItem" }, () =>
    pause(5, "killed"),
  );
  between.after({ function: "CompleteWait", operation: "DynamoDB_20120810.Query" }, () =>
    pause(20, "answered"),
  );
  await world.push("aaaaaaa", { stages: { "static-analysis": { seconds: 15 } } });
  await world.clock.advance(2_000);
  const first = await find();
  world.aws.world.emit(endOf("static-analysis", first?.awaitedArn ?? ""));
  await world.clock.advance(1_000);
  await silence("BuildEnded");
  await world.clock.advance(7_000);
  const second = await find();
  expect(second?.token).not.toBe(first?.token);
  expect(second?.tries).toBe(first?.tries);
  // Nobody looks for what is overdue before the first minute is over.
  await world.clock.advance(20_000);
  expect(await find()).toBeUndefined();
  const [release] = await run(world.records.openReleases());
  expect(release?.evidence["static-analysis"]).toMatchObject({ passed: true });
  const begun = (await run(world.records.openWaits())).map((wait) => wait.key.split("/").at(-1));
  expect(begun).toContain("unit-tests");
});
