import { SFNClient, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import type { Release } from "../core/records.ts";
import type { ServiceEvent } from "../local/world.ts";
import { exampleWith, twoEnvironments } from "./simulation/environments.ts";
import { createOperator } from "./simulation/operator.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const minutes = (count: number) => world.clock.advance(count * 60_000);
const environment = (name = "production") => run(world.records.environment("web", name));
const idOf = (digest: string) => `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;

/** The example with a stage that verifies the environment. */
function verified() {
  const config = exampleWith({ verification: [["end-to-end"]] });
  Object.assign(config.services.web?.stages ?? {}, { "end-to-end": { buildspec: "e2e.yml" } });
  return config;
}

/** A release of its own revision of the schema, which the code before can read. */
function migrating(head: number, more: Partial<Behaviour> = {}): Behaviour {
  const history = Array.from({ length: head }, (_, index) => String(index + 1).padStart(4, "0"));
  const after = history.at(-1) ?? "0001";
  return { ...more, migration: { after, history, readableFrom: "0001", seconds: 20, ...more.migration } };
}

/** Starts the machine without waiting for it, as the console does. */
function begin(input: object, machine = "ReleaseMachine") {
  const states = new SFNClient(world.connection.client);
  const stateMachineArn = world.made.machines[machine];
  return states.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }));
}

async function until(isIt: (event: ServiceEvent) => boolean, from: number): Promise<void> {
  for (let step = 0; step < 4_000; step++) {
    if (world.events.slice(from).some(isIt)) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

async function expectNothingOpen(): Promise<void> {
  expect(await run(world.records.openDeployments())).toEqual([]);
  expect(await run(world.records.openReleases())).toEqual([]);
  expect(await run(world.records.openWaits())).toEqual([]);
  const { lease, next, ahead } = await environment();
  expect({ lease, next, ahead }).toEqual({ lease: undefined, next: undefined, ahead: undefined });
}

async function isOpen(): Promise<boolean> {
  const open = [world.records.openDeployments(), world.records.openReleases(), world.records.openWaits()];
  const found = await run(Promise.all(open));
  const { lease, next, ahead } = await environment();
  return found.some(({ length }) => length > 0) || (lease ?? next ?? ahead) !== undefined;
}

const ofTask = (status: string) => (event: ServiceEvent) =>
  event.source === "aws.ecs" &&
  event.detail.lastStatus === status &&
  JSON.stringify(event.detail).includes("migrate-up");
const ofTarget = (status: string) => (event: ServiceEvent) => event.detail.operationStatus === status;
const ofBuild = (stage: string) => (event: ServiceEvent) =>
  event.detail["project-name"] === `spillway-web-${stage}`;

/** Cancels a release as soon as an event of it is told, and waits for its end. */
async function cancelAt(
  tag: string,
  behaviour: Behaviour,
  when: (event: ServiceEvent) => boolean,
): Promise<Release> {
  const from = world.events.length;
  const id = idOf(await world.push(tag, behaviour));
  await until(when, from);
  expect(await world.start({ cancel: id, reason: "the wrong logo" })).toMatchObject({ status: "SUCCEEDED" });
  return world.ended(id);
}

describe("a release that is cancelled", () => {
  it("while its builds run: they are stopped, and nothing is deployed", async () => {
    world = await createWorld();
    const slow = { stages: { "unit-tests": { seconds: 3_000 } } };
    const before = world.clock.now();
    const release = await cancelAt("aaaaaaa", slow, ofBuild("unit-tests"));
    expect(release).toMatchObject({
      outcome: "Cancelled",
      reason: expect.stringMatching(/^cancelled at .* by arn:aws:states:.*: the wrong logo$/),
      cancelled: { reason: "the wrong logo" },
    });
    expect(world.clock.now() - before).toBeLessThan(60_000);
    expect(world.events.findLast(ofBuild("unit-tests"))?.detail["build-status"]).toBe("STOPPED");
    await expectNothingOpen();
  });

  it("while it waits for its turn: it leaves the line, and who has the lease goes on", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    await world.push("bbbbbbb", { startSeconds: 200 });
    await until(ofTarget("UpdateServiceStarted"), from);
    const id = idOf(await world.push("ccccccc"));
    while ((await environment()).next?.release !== id) await world.clock.advance(500);
    await world.start({ cancel: id });
    expect(await world.ended(id)).toMatchObject({
      outcome: "Cancelled",
      reason: expect.stringContaining("no reason was given"),
    });
    expect((await environment()).next).toBeUndefined();
    await minutes(10);
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    await expectNothingOpen();
  });

  it("while its migration runs: that is stopped, the schema is as before, and the old code serves", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const slow = migrating(2, { migration: { seconds: 300 } });
    expect(await cancelAt("bbbbbbb", slow, ofTask("RUNNING"))).toMatchObject({ outcome: "Cancelled" });
    const stopped = world.events.findLast(ofTask("STOPPED"));
    expect(stopped?.detail.stoppedReason).toBe("the release was cancelled");
    expect((await environment()).live).toMatchObject({ release: first, schema: "0001" });
    expect((await environment()).frozen).toBeUndefined();
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    await expectNothingOpen();
  });

  it("after its migration: the old code is verified on the new schema", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const digest = await world.push("bbbbbbb", migrating(2));
    world.before("ConfirmMigration", () => begin({ cancel: idOf(digest) }));
    const release = await world.ended(idOf(digest));
    expect(release).toMatchObject({
      outcome: "Cancelled",
      reason: expect.stringContaining("nothing was deployed, web-"),
    });
    expect(release.reason).toContain("verified healthy after 2 looks");
    expect(release.reason).toContain("the migration 0002 stays (readable by the previous code)");
    expect((await environment()).live).toMatchObject({ schema: "0002" });
    await expectNothingOpen();
  });

  it("while the target is at work: it goes back when that has ended, and is verified", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const release = await cancelAt("bbbbbbb", { startSeconds: 100 }, ofTarget("UpdateServiceStarted"));
    expect(release).toMatchObject({
      outcome: "Cancelled",
      reason: expect.stringContaining(`rolled back to ${first} (commit aaaaaaa), verified healthy`),
    });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await environment()).live?.release).toBe(first);
    await expectNothingOpen();
  });

  it("while it is verified: its builds are stopped, and it goes back", async () => {
    world = await createWorld(1, verified());
    await world.release("aaaaaaa");
    const slow = { stages: { "end-to-end": { seconds: 3_000 } } };
    const from = world.clock.now();
    expect(await cancelAt("bbbbbbb", slow, ofBuild("end-to-end"))).toMatchObject({ outcome: "Cancelled" });
    expect(world.clock.now() - from).toBeLessThan(300_000);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(world.events.findLast(ofBuild("end-to-end"))?.detail["build-status"]).toBe("STOPPED");
    await expectNothingOpen();
  });

  it("while it waits for people: their word moves nothing any more", async () => {
    world = await createWorld(1, exampleWith({ approval: { count: 1 } }));
    const id = idOf(await world.push("aaaaaaa"));
    const isAwaited = async () =>
      (await run(world.records.openWaits())).some(({ kind }) => kind === "approval");
    while (!(await isAwaited())) await world.clock.advance(1_000);
    expect(await world.start({ cancel: id, reason: "the wrong logo" })).toMatchObject({
      status: "SUCCEEDED",
    });
    expect(await world.ended(id)).toMatchObject({ outcome: "Cancelled" });
    const approve = { action: "approve", release: id, environment: "production" };
    await createOperator(world, "ada").ask(approve);
    await minutes(10);
    expect(world.serving()).toBeUndefined();
    await expectNothingOpen();
  });

  it("while it waits for the end of a freeze", async () => {
    const freeze = { start: "2026-01-01T00:00", duration: "PT3H", timeZone: "UTC", reason: "New Year" };
    world = await createWorld(1, exampleWith({ freezes: [freeze] }));
    const id = idOf(await world.push("aaaaaaa"));
    while ((await environment()).next?.release !== id) await world.clock.advance(1_000);
    expect(await world.start({ cancel: id, reason: "the wrong logo" })).toMatchObject({
      status: "SUCCEEDED",
    });
    expect(await world.ended(id)).toMatchObject({ outcome: "Cancelled" });
    await minutes(4 * 60);
    expect(world.serving()).toBeUndefined();
    await expectNothingOpen();
  });

  it("while it is watched: it goes back", async () => {
    const health = { intervalSeconds: 1, consecutiveSuccesses: 2 };
    world = await createWorld(1, exampleWith({ health, bake: { minutes: 60 } }));
    const first = await world.release("aaaaaaa");
    const from = world.clock.now();
    const id = idOf(await world.push("bbbbbbb"));
    world.before("CheckBake", () => begin({ cancel: id }));
    expect(await world.ended(id)).toMatchObject({
      outcome: "Cancelled",
      reason: expect.stringContaining(`rolled back to ${first} (commit aaaaaaa), verified healthy`),
    });
    expect(world.clock.now() - from).toBeLessThan(1_200_000);
    await expectNothingOpen();
  });

  it("as the first of its environment needs a person: there is nothing to go back to", async () => {
    world = await createWorld();
    const release = await cancelAt("aaaaaaa", {}, ofTarget("CreateServiceStarted"));
    expect(release).toMatchObject({
      outcome: "NeedsAttention",
      reason: expect.stringContaining("wrong logo"),
    });
    expect((await environment()).frozen).toBeUndefined();
    await expectNothingOpen();
  });

  it("needs a person if the old code is not well any more", async () => {
    world = await createWorld();
    const ill: { failsFrom?: number } = {};
    await world.release("aaaaaaa", ill);
    const from = world.events.length;
    const id = idOf(await world.push("bbbbbbb"));
    await until(ofTarget("UpdateServiceStarted"), from);
    ill.failsFrom = 0;
    await world.start({ cancel: id });
    expect(await world.ended(id)).toMatchObject({ outcome: "NeedsAttention" });
    expect((await environment()).frozen).toBeDefined();
    await expectNothingOpen();
  });

  it("by commit, while its image is built", async () => {
    const config = exampleWith({});
    Object.assign(config.services.web ?? {}, { build: { buildspec: "build-image.yml" } });
    world = await createWorld(1, config);
    const commit = "a".repeat(40);
    world.commit(commit, { stages: { "build-image": { seconds: 3_000 } } });
    const from = world.events.length;
    await run(begin({ service: "web", commit }));
    await until(ofBuild("build-image"), from);
    await world.start({ cancel: `web-c${commit.slice(0, 12)}-1`, reason: "the wrong branch" });
    expect(await world.ended(`web-c${commit.slice(0, 12)}-1`)).toMatchObject({ outcome: "Cancelled" });
    expect(world.events.findLast(ofBuild("build-image"))?.detail["build-status"]).toBe("STOPPED");
    await expectNothingOpen();
  });
});

describe("a deployment that a person began", () => {
  it("is cancelled with its release, although that has ended", async () => {
    world = await createWorld(1, twoEnvironments());
    const first = await world.release("aaaaaaa");
    await world.deploy({ intent: "promote", service: "web", from: "staging", to: "production" });
    const second = await world.release("bbbbbbb", { startSeconds: 60 });
    const from = world.events.length;
    await run(
      begin({ intent: "promote", service: "web", from: "staging", to: "production" }, "DeployMachine"),
    );
    await until(ofTarget("UpdateServiceStarted"), from);
    expect(await world.start({ cancel: second })).toMatchObject({ status: "SUCCEEDED" });
    await minutes(10);
    const promoted = (await run(world.records.deployments(second))).find(
      ({ intent }) => intent === "promote",
    );
    expect(promoted).toMatchObject({ outcome: "Cancelled", cancelled: { reason: "no reason was given" } });
    expect((await environment()).live?.release).toBe(first);
    expect((await environment("staging")).live?.release).toBe(second);
    await expectNothingOpen();
  });
});

describe("a cancellation", () => {
  it.each([
    [{ cancel: "web-nosuch-1" }, "ReleaseNotFound"],
    [{ cancel: "web-nosuch-1", why: "x" }, '{"cancel":"web-3f2a91c0d4e5-1"'],
    [{ cancel: 5 }, "InvalidInput"],
  ])("is refused in words: %j", async (input, words) => {
    world = await createWorld();
    const { status, error, cause } = await world.start(input);
    expect({ status, error }).toEqual({ status: "FAILED", error: "Rejected" });
    expect(cause).toContain(words);
  });

  it("of what has ended says how, and how to go back", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    const { error, cause } = await world.start({ cancel: id });
    expect(error).toBe("Rejected");
    expect(cause).toContain(`NothingToCancel: ${id} has ended as Released`);
    expect(cause).toContain('{"intent":"rollback",…}');
  });
});

const forward = [
  ...["RunStage", "GateRelease", "AdmitDeployment", "AwaitTurn", "AcquireLease", "ConfirmStillWanted"],
  ...["PrepareDeployment", "CheckDatabase", "ReadSchema", "MigrateDatabase", "ConfirmMigration"],
  ...["StartDeployment", "CheckHealth", "RecordDeployment", "ReleaseLease", "CompleteRelease"],
];
const back = ["RollBack", "StopStages", "CompleteWait"];

/** Every other function: Cancelled. */
const endsOfCancelled = {
  ...{ RecordDeployment: "Released", ReleaseLease: "Released", CompleteRelease: "Released" },
  ...{ RollBack: "RolledBack", StopStages: "RolledBack" },
};
const endsOfStopped = {
  ...{ RecordDeployment: "Released", CompleteRelease: "Released" },
  ...{ MigrateDatabase: "RolledBack", ConfirmMigration: "RolledBack", StartDeployment: "RolledBack" },
  ...{ CheckHealth: "RolledBack", RollBack: "RolledBack", StopStages: "RolledBack" },
};

/** Breaks off one release after another, each right before another function. */
describe.each([
  ["cancelled", endsOfCancelled, (id: string) => begin({ cancel: id })],
  ["stopped in the console", endsOfStopped, (id: string) => stopDeployment(id)],
] as const)("a release that is %s", (_, exceptions, breakOff) => {
  it("right before any function has a named end, and leaves one healthy release serving", async () => {
    world = await createWorld(1, verified());
    const releases = new Map([[await world.release("a0000000"), "a0000000"]]);
    const expected = Object.fromEntries([...forward, ...back].map((name) => [name, "Cancelled"]));
    const ends: Record<string, string | undefined> = {};
    let head = 1;
    for (const name of [...forward, ...back]) {
      head++;
      const tag = `b${String(head).padStart(7, "0")}`;
      const ill = back.includes(name) ? { stages: { "end-to-end": { passes: false } } } : {};
      world.before(name, async () => {
        const [release] = await world.records.openReleases();
        if (release !== undefined) await breakOff(release.id);
      });
      const id = idOf(await world.push(tag, migrating(head, ill)));
      releases.set(id, tag);
      ends[name] = (await world.ended(id)).outcome;
      for (let waited = 0; waited < 40 && (await isOpen()); waited++) await minutes(1);
      await expectNothingOpen();
      const { live, frozen } = await environment();
      expect(frozen, name).toBeUndefined();
      expect(await world.servingIn("production"), name).toBe(releases.get(live?.release ?? ""));
      expect(live?.schema, name).toBeDefined();
    }
    expect(ends).toEqual({ ...expected, ...exceptions });
  }, 60_000);
});

async function stopDeployment(id: string): Promise<unknown> {
  const states = new SFNClient(world.connection.client);
  const deployment = (await world.records.deployments(id)).find(({ endedAt }) => endedAt === undefined);
  const { executionArn } = deployment ?? (await world.records.requireRelease(id));
  return states.send(new StopExecutionCommand({ executionArn, cause: "a person stopped it" }));
}
