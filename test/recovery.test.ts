import { RedriveExecutionCommand, SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import type { ServiceEvent } from "../local/world.ts";
import { exampleWith } from "./simulation/environments.ts";
import { refuse } from "./simulation/faults.ts";
import { rootFor } from "./simulation/patience.ts";
import type { Setting } from "./simulation/plan.ts";
import { type Behaviour, createWorld, type SimulatedWorld, type WorldOptions } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const minutes = (count: number) => world.clock.advance(count * 60_000);
const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const production = () => run(world.records.environment("web", "production"));
const expand = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };

/** Lets time pass until an event is told. */
async function until(isIt: (event: ServiceEvent) => boolean, from = 0): Promise<void> {
  for (let step = 0; step < 2_000; step++) {
    if (world.events.slice(from).some(isIt)) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

/** Pushes a release and stops the execution that deploys it, as soon as an event of it is told. */
async function breakOff(
  tag: string,
  behaviour: Behaviour,
  when: (event: ServiceEvent) => boolean,
): Promise<string> {
  const from = world.events.length;
  const digest = await world.push(tag, behaviour);
  await until(when, from);
  await stop("DeployMachine", from);
  return `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
}

/** Stops the newest execution of a machine. */
async function stop(machine: "DeployMachine" | "ReleaseMachine", from = 0): Promise<void> {
  const started = world.events
    .slice(from)
    .findLast(
      ({ detail }) => detail.stateMachineArn === world.made.machines[machine] && detail.status === "RUNNING",
    );
  const executionArn = String(started?.detail.executionArn);
  const states = new SFNClient(world.connection.client);
  await run(states.send(new StopExecutionCommand({ executionArn, cause: "a person stopped it" })));
}

async function expectNothingOpen(): Promise<void> {
  expect(await run(world.records.openDeployments())).toEqual([]);
  expect(await run(world.records.openReleases())).toEqual([]);
  expect(await run(world.records.openWaits())).toEqual([]);
  expect((await production()).lease).toBeUndefined();
}

const ofTask = (status: string) => (event: ServiceEvent) =>
  event.source === "aws.ecs" &&
  event.detail.lastStatus === status &&
  String(JSON.stringify(event.detail)).includes("migrate-up");
const ofTarget = (status: string) => (event: ServiceEvent) =>
  event.source === "aws.apprunner" && event.detail.operationStatus === status;
const ofBuild = (stage: string) => (event: ServiceEvent) =>
  event.detail["project-name"] === `spillway-web-${stage}`;

describe("an execution of the deploy machine that is stopped", () => {
  it("during the migration: waits for the task, tells where the schema stands, and the old code serves", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const id = await breakOff("bbbbbbb", { migration: { ...expand, seconds: 300 } }, ofTask("RUNNING"));
    await minutes(20);
    const [broken] = await run(world.records.deployments(id));
    expect(broken).toMatchObject({ outcome: "RolledBack", reason: expect.stringContaining("broken off") });
    const environment = await production();
    expect(environment.live).toMatchObject({ release: first, schema: "0002", readableFrom: "0001" });
    expect(environment.frozen).toBeUndefined();
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "RolledBack" });
    await expectNothingOpen();
  });

  it("during the deployment: the previous revision is brought back and verified", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const id = await breakOff("bbbbbbb", {}, ofTarget("UpdateServiceCompletedSuccessfully"));
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    await minutes(20);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await run(world.records.deployments(id)))[0]).toMatchObject({ outcome: "RolledBack" });
    // What was taken back is what a push has to be newer than, whoever took it back.
    expect((await production()).hold).toMatchObject({ release: id, reason: `${id} was rolled back` });
    const recovery = (await run(world.records.deployments(first))).find(({ intent }) => intent === "recover");
    expect(recovery).toMatchObject({
      outcome: "Released",
      why: expect.stringContaining("ended as ABORTED (a person stopped it)"),
      health: [{ phase: "restored", verdict: "healthy" }],
    });
    await expectNothingOpen();
  });

  it("on its way back from what is ill: that is in quarantine once the environment is recovered", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const isGoingBack = () => world.events.filter(ofTarget("UpdateServiceStarted")).length === 2;
    const id = await breakOff("bbbbbbb", { healthStatus: 500 }, isGoingBack);
    await minutes(20);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await run(world.records.deployments(id)))[0]).toMatchObject({ outcome: "RolledBack" });
    const { image } = await run(world.records.requireRelease(id));
    const quarantine = await run(world.records.quarantine("web", image?.digest ?? ""));
    expect(quarantine).toMatchObject({ release: id, environment: "production", verdict: "unhealthy" });
    await expectNothingOpen();
  });

  it("during the verification: its builds are stopped and the previous revision serves", async () => {
    const config = exampleWith({ verification: [["end-to-end"]] });
    Object.assign(config.services.web?.stages ?? {}, { "end-to-end": { buildspec: "e2e.yml" } });
    world = await createWorld(1, config);
    await world.release("aaaaaaa");
    const slow = { stages: { "end-to-end": { seconds: 3_000 } } };
    const id = await breakOff("bbbbbbb", slow, ofBuild("end-to-end"));
    await minutes(20);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await run(world.records.deployments(id)))[0]).toMatchObject({ outcome: "RolledBack" });
    const ends = world.events.filter(ofBuild("end-to-end")).map(({ detail }) => detail["build-status"]);
    expect(ends.at(-1)).toBe("STOPPED");
    await expectNothingOpen();
  });

  it("of a first deployment: there is nothing to go back to, and the next release may come", async () => {
    world = await createWorld();
    const id = await breakOff("aaaaaaa", {}, ofTarget("CreateServiceStarted"));
    await minutes(20);
    expect((await run(world.records.deployments(id)))[0]).toMatchObject({ outcome: "NeedsAttention" });
    expect((await production()).frozen).toBeUndefined();
    await expectNothingOpen();
    await world.release("bbbbbbb");
    expect(await world.servingIn("production")).toBe("bbbbbbb");
  });

  it("is recovered although nobody heard of it, and once although everybody did", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    await breakOff("bbbbbbb", {}, ofTarget("UpdateServiceStarted"));
    const ended = world.events.findLast(({ detail }) => detail.status === "ABORTED");
    if (ended !== undefined) world.aws.eventBridge.putServiceEvent(ended);
    await minutes(20);
    const recoveries = (await run(world.records.deployments(first))).filter(
      ({ intent }) => intent === "recover",
    );
    expect(recoveries).toHaveLength(1);
    await expectNothingOpen();
  });
});

describe("an execution whose time is up", () => {
  const timeLimited = async (timeLimits: NonNullable<Setting["timeLimits"]>) => {
    const setting: Setting = {
      ...{ services: ["web"], reverts: false, verifies: false, waves: "one" },
      timeLimits,
    };
    world = await createWorld(1, undefined, {}, { root: rootFor(setting) });
  };
  // Whatever the database is asked takes that long: where it stands, to migrate, and where it stands then.
  const slow = { migration: { ...expand, seconds: 310 } };

  it("of the deploy machine: its environment is recovered, and the old code serves", async () => {
    await timeLimited({ deploySeconds: 600 });
    const first = await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", slow);
    await minutes(40);
    const [broken] = await run(world.records.deployments(id));
    expect(broken).toMatchObject({ outcome: "RolledBack", reason: expect.stringContaining("broken off") });
    const recovery = (await run(world.records.deployments(first))).find(({ intent }) => intent === "recover");
    expect(recovery).toMatchObject({
      outcome: "Released",
      why: expect.stringContaining("ended as TIMED_OUT"),
    });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    await expectNothingOpen();
  });

  it("of the deploy machine, before it had its turn or touched anything: it has expired, nobody cancelled it", async () => {
    await timeLimited({ deploySeconds: 200 });
    await world.release("aaaaaaa");
    const asking = await world.push("bbbbbbb", slow);
    await minutes(1);
    const waiting = await world.push("ccccccc");
    await minutes(40);
    for (const digest of [asking, waiting]) {
      const id = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
      const [broken] = await run(world.records.deployments(id));
      expect(broken).toMatchObject({
        outcome: "Expired",
        reason: expect.stringMatching(/nothing was touched/),
      });
      expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Expired" });
    }
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    await expectNothingOpen();
  });

  it("of the release machine: its release ends with what it deployed", async () => {
    await timeLimited({ releaseSeconds: 600 });
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", slow);
    await minutes(40);
    expect(await run(world.records.requireRelease(id))).toMatchObject({
      outcome: "RolledBack",
      reason: expect.stringContaining("TIMED_OUT"),
    });
    await expectNothingOpen();
  });
});

describe("a lease whose owner ended", () => {
  const wait = async (id: string) => run(world.records.wait(`${id}/production/1/migrate-up`));

  it("stays where it is while a migration goes on whose ARN was lost before it was on record", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    const digest = await world.push("bbbbbbb", { migration: { ...expand, seconds: 400 } });
    const id = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    await until(ofTask("RUNNING"), from);
    const { key, token, begunAt, lookAgainAt } = (await wait(id)) ?? {};
    if (key === undefined || token === undefined) throw new Error("it waits for its migration");
    const begun = { token, tries: 0, begunAt: begunAt ?? 0, lookAgainAt: lookAgainAt ?? 0 };
    await run(world.records.reopenWait({ key, tries: 0 }, begun));
    await stop("DeployMachine", from);
    await until(ofTask("STOPPED"), from);
    const migrated = world.clock.now();
    const [broken] = await run(world.records.deployments(id));
    expect((await production()).lease?.owner).toBe(broken?.executionArn);
    await minutes(20);
    const environment = await production();
    expect(environment.freed).toMatchObject({ reason: "its deployment ended as Released" });
    const recovery = (await run(world.records.deployments(environment.live?.release ?? ""))).at(-1);
    expect(recovery).toMatchObject({
      intent: "recover",
      tookOver: {
        owner: broken?.executionArn,
        reason:
          "its execution ended as ABORTED (a person stopped it) without giving it back, and nothing that it began goes on",
      },
    });
    expect(recovery?.tookOver?.at).toBeGreaterThanOrEqual(migrated);
    expect(environment.live).toMatchObject({ schema: "0002" });
    await expectNothingOpen();
  });

  it("stays where it is while the target is at work", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const from = world.events.length;
    const id = await breakOff("bbbbbbb", { startSeconds: 200 }, ofTarget("UpdateServiceStarted"));
    await until(ofTarget("UpdateServiceCompletedSuccessfully"), from);
    const [broken] = await run(world.records.deployments(id));
    expect((await production()).lease?.owner).toBe(broken?.executionArn);
    await minutes(20);
    expect((await production()).live?.release).toBe(first);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    await expectNothingOpen();
  });

  it("is freed, and says why, if it ended just before it gave it back", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    const digest = await world.push("bbbbbbb");
    const id = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    await until(ofTarget("UpdateServiceStarted"), from);
    const before = await production();
    await world.ended(id);
    // As if ReleaseLease had never been: the lease is its own again.
    const { lease, current } = before;
    if (lease === undefined) throw new Error("it has the lease");
    await run(world.records.takeLease({ ...before, next: undefined }, lease, { current }));
    await minutes(3);
    const { owner } = lease;
    const reason =
      "its execution ended as SUCCEEDED without giving it back, and nothing that it began goes on";
    expect((await production()).freed).toMatchObject({ owner, release: id, reason });
    await world.release("ccccccc");
    expect(await world.servingIn("production")).toBe("ccccccc");
    await expectNothingOpen();
  });
});

describe("an execution that is redriven after its environment was recovered", () => {
  it("changes nothing, whatever has gone live meanwhile", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await breakOff("bbbbbbb", {}, ofTarget("UpdateServiceStarted"));
    await minutes(20);
    const newer = await world.release("ccccccc");
    const [broken] = await run(world.records.deployments(id));
    const states = new SFNClient(world.connection.client);
    const from = world.events.length;
    await run(states.send(new RedriveExecutionCommand({ executionArn: broken?.executionArn })));
    await minutes(20);
    expect(world.events.slice(from).some(({ source }) => source === "aws.apprunner")).toBe(false);
    expect((await run(world.records.deployments(id)))[0]).toEqual(broken);
    expect((await production()).live?.release).toBe(newer);
    expect(await world.servingIn("production")).toBe("ccccccc");
    await expectNothingOpen();
  });
});

describe("a recovery that does not end", () => {
  it("is tried three times; then the environment is frozen for a person, whose recovery lifts it", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const id = await breakOff("bbbbbbb", {}, ofTarget("UpdateServiceCompletedSuccessfully"));
    for (let attempt = 1; attempt <= 3; attempt++) {
      const from = world.events.length;
      const begun = ({ detail }: ServiceEvent) =>
        detail.status === "RUNNING" && String(detail.name).startsWith(`recover-${attempt}-`);
      if (!world.events.some(begun)) await until(begun, from);
      await stop("DeployMachine");
    }
    await minutes(10);
    expect(await production()).toMatchObject({
      frozen: { reason: expect.stringContaining('start {"intent":"recover"') },
    });
    expect((await run(world.records.deployments(id)))[0]).toMatchObject({ outcome: "NeedsAttention" });
    await expectNothingOpen();
    const asked = { intent: "recover", service: "web", environment: "production" };
    expect(await world.deploy(asked)).toMatchObject({
      status: "SUCCEEDED",
      output: { outcome: "Released", reason: expect.stringContaining(`${first} (commit aaaaaaa) serves`) },
    });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await production()).frozen).toBeUndefined();
    await expectNothingOpen();
  });
});

describe("recover, asked for by a person", () => {
  it("makes the live revision serve again when the service lost it", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    const asked = { intent: "recover", service: "web", environment: "production" };
    const before = world.events.length;
    expect(await world.deploy(asked)).toMatchObject({ status: "SUCCEEDED" });
    expect(world.events.slice(before).some(ofTarget("UpdateServiceCompletedSuccessfully"))).toBe(true);
    expect((await production()).live?.release).toBe(id);
    await expectNothingOpen();
  });
});

describe("an execution of the release machine that is stopped", () => {
  it("is cancelled in the words of the person, and its builds are stopped", async () => {
    world = await createWorld();
    const from = world.events.length;
    const digest = await world.push("aaaaaaa", { stages: { "unit-tests": { seconds: 3_000 } } });
    await until(ofBuild("unit-tests"), from);
    await stop("ReleaseMachine", from);
    await minutes(5);
    const id = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    expect(await run(world.records.requireRelease(id))).toMatchObject({
      outcome: "Cancelled",
      reason: expect.stringContaining("ABORTED (a person stopped it)"),
    });
    expect(world.events.findLast(ofBuild("unit-tests"))?.detail["build-status"]).toBe("STOPPED");
    await expectNothingOpen();
  });

  it("ends with the end of the deployment that it began", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    const digest = await world.push("bbbbbbb");
    await until(ofTarget("UpdateServiceStarted"), from);
    await stop("ReleaseMachine", from);
    await minutes(20);
    const id = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    const [deployment] = await run(world.records.deployments(id));
    const release = await run(world.records.requireRelease(id));
    expect(release.outcome).toBe(deployment?.outcome === "Released" ? "Cancelled" : deployment?.outcome);
    expect(release.reason).toContain("ABORTED");
    await expectNothingOpen();
  });
});

describe("an execution that cannot say how it ended", () => {
  const worldWhere = async (name: string, fails: () => boolean) => {
    const options: WorldOptions = {
      seams: () => ({
        call: async ({ invocation }, send) =>
          invocation?.name === name && fails()
            ? refuse(500, "InternalServerError", "Internal failure")
            : send(),
      }),
    };
    world = await createWorld(1, exampleWith({}), {}, options);
  };
  const endOf = (machine: "DeployMachine" | "ReleaseMachine") =>
    world.events.findLast(
      ({ detail }) => detail.stateMachineArn === world.made.machines[machine] && detail.status !== "RUNNING",
    )?.detail;

  it("of the release machine ends as NeedsAttention, and its release is closed by others", async () => {
    let fails = true;
    await worldWhere("CompleteRelease", () => fails);
    const id = await world.release("aaaaaaa");
    expect(endOf("ReleaseMachine")).toMatchObject({
      error: "NeedsAttention",
      cause: expect.stringMatching(/^the end could not be recorded: AwsFault: /),
    });
    fails = false;
    await minutes(5);
    const { outcome, reason } = await run(world.records.requireRelease(id));
    expect(outcome).toBe("NeedsAttention");
    expect(reason).toMatch(/^it is live in production; its execution ended as FAILED/);
    await expectNothingOpen();
  });

  it("of the deploy machine whose lease it cannot give back ends as it would have, and others free it", async () => {
    await worldWhere("ReleaseLease", () => true);
    const id = await world.release("aaaaaaa");
    expect(endOf("DeployMachine")).toMatchObject({ status: "SUCCEEDED" });
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Released" });
    await minutes(5);
    expect((await production()).freed?.reason).toMatch(/ended/);
    await expectNothingOpen();
  });
});
