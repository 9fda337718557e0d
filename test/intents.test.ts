import { afterEach, describe, expect, it } from "vitest";
import { exampleWith, twoEnvironments } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const environment = (name: string) => world.clock.runUntil(world.records.environment("web", name));
const deployments = (id: string) => world.clock.runUntil(world.records.deployments(id));
const nothingOpen = async () => {
  expect(await world.clock.runUntil(world.records.openDeployments())).toEqual([]);
  expect((await environment("production")).lease).toBeUndefined();
};
const rollback = (to?: string) =>
  world.deploy({ intent: "rollback", service: "web", environment: "production", ...(to ? { to } : {}) });

describe("promote", () => {
  it("brings what is live in one environment into another, by the same digest", async () => {
    world = await createWorld(1, twoEnvironments());
    const id = await world.release("aaaaaaa");
    expect((await environment("production")).live).toBeUndefined();
    const promoted = await world.deploy({
      intent: "promote",
      service: "web",
      from: "staging",
      to: "production",
      reason: "staging was well for a day",
    });
    expect(promoted).toMatchObject({ status: "SUCCEEDED", output: { outcome: "Released" } });
    const [staging, production] = [await environment("staging"), await environment("production")];
    expect(production.live?.image).toEqual(staging.live?.image);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(await deployments(id)).toMatchObject([
      { environment: "production", intent: "promote", why: "staging was well for a day", attempt: 1 },
      { environment: "staging", intent: "deploy", attempt: 1 },
    ]);
    await nothingOpen();
  });

  it("is refused when nothing is live there, or the same is live already", async () => {
    world = await createWorld(1, twoEnvironments());
    const promote = { intent: "promote", service: "web", from: "staging", to: "production" };
    expect(await world.deploy(promote)).toMatchObject({
      error: "Rejected",
      cause: "DeploymentRefused: Nothing is live in staging that could be promoted.",
    });
    await world.release("aaaaaaa");
    await world.deploy(promote);
    const again = await world.deploy(promote);
    expect(again).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining("is live in production already"),
    });
    await nothingOpen();
  });

  it("is refused for what is older than what is live there", async () => {
    world = await createWorld(1, twoEnvironments());
    await world.release("aaaaaaa");
    const newer = await world.release("bbbbbbb");
    await world.deploy({ intent: "deploy", release: newer, environment: "production" });
    await world.deploy({ intent: "rollback", service: "web", environment: "staging" });
    const older = await world.deploy({
      intent: "promote",
      service: "web",
      from: "staging",
      to: "production",
    });
    expect(older).toMatchObject({ error: "Rejected", cause: expect.stringContaining("is older than") });
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    await nothingOpen();
  });
});

describe("rollback", () => {
  it("goes back to the previous revision, keeps the schema, and says so", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const second = await world.release("bbbbbbb", {
      migration: { after: "0002", history: ["0001", "0002"], readableFrom: "0001" },
    });
    const back = await rollback();
    expect(back).toMatchObject({ status: "SUCCEEDED", output: { outcome: "Released" } });
    expect(back.output.reason).toBe(
      `rolled back to ${first} (commit aaaaaaa), verified healthy after 2 looks; the schema stays at 0002 (readable by this code)`,
    );
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    const { live, history } = await environment("production");
    expect(live).toMatchObject({ release: first, schema: "0002", readableFrom: "0001" });
    expect(history).toMatchObject([{ release: second, goneBackFrom: true }]);
    await nothingOpen();
  });

  it("goes further back when asked again, and forward again to a named revision", async () => {
    world = await createWorld();
    const [first, , third] = [
      await world.release("aaaaaaa"),
      await world.release("bbbbbbb"),
      await world.release("ccccccc"),
    ];
    await rollback();
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    await rollback();
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(await rollback()).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining("NothingToRollBackTo: production has no previous revision"),
    });
    await rollback(third);
    expect(await world.servingIn("production")).toBe("ccccccc");
    expect(await rollback(third)).toMatchObject({
      cause: expect.stringContaining("live in production already"),
    });
    expect(await rollback("web-nosuch-1")).toMatchObject({ cause: expect.stringContaining(first) });
    await nothingOpen();
  });

  it("is refused when that code cannot run on the live schema, and touches nothing", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    await world.release("bbbbbbb", {
      migration: { after: "0002", history: ["0001", "0002"], readableFrom: "0001" },
    });
    await world.release("ccccccc", {
      migration: { after: "0003", history: ["0001", "0002", "0003"], readableFrom: "0002" },
    });
    const first = (await environment("production")).history?.at(-1)?.release;
    const refused = await rollback(first);
    expect(refused).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining("was built against schema 0001 and cannot run on 0003"),
    });
    expect(await world.servingIn("production")).toBe("ccccccc");
    await nothingOpen();
  });

  it("is not rolled back itself when it fails: a person looks, and a second rollback lifts the freeze", async () => {
    world = await createWorld(1, exampleWith({ health: { consecutiveSuccesses: 2, intervalSeconds: 1 } }));
    const first = await world.release("aaaaaaa");
    const ill = { failsFrom: Number.POSITIVE_INFINITY };
    await world.release("bbbbbbb", ill);
    await world.release("ccccccc");
    ill.failsFrom = 0;
    const failed = await rollback();
    expect(failed).toMatchObject({
      error: "NeedsAttention",
      cause: expect.stringContaining("DeploymentUnhealthy"),
    });
    expect(await environment("production")).toMatchObject({ frozen: { reason: expect.any(String) } });
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    const refused = await world.release("ddddddd");
    expect(await world.clock.runUntil(world.records.requireRelease(refused))).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("frozen"),
    });
    expect(await rollback(first)).toMatchObject({ status: "SUCCEEDED" });
    expect((await environment("production")).frozen).toBeUndefined();
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    await nothingOpen();
  });
});

describe("a start by hand", () => {
  it.each([
    [{}, "there is no intent"],
    [{ intent: "undo" }, 'there is no intent "undo"'],
    [{ intent: "promote", service: "web", from: "staging" }, '"from":"staging","to":"production"'],
    [{ intent: "deploy", release: "web-nosuch-1", environment: "production" }, "ReleaseNotFound"],
    [{ intent: "rollback", service: "wbe", environment: "production" }, "its services are web"],
    [{ intent: "rollback", service: "web", environment: "prod" }, "it has production"],
    [{ intent: "recover", service: "web", environment: "production" }, "nothing was ever deployed"],
    [{ intent: "recover", service: "web", environment: "production", force: true }, "unknown setting force"],
  ])("is refused in words and leaves nothing open: %j", async (input, words) => {
    world = await createWorld();
    const ended = await world.deploy(input);
    expect(ended.error).toBe("Rejected");
    expect(ended.cause?.toLowerCase()).toContain(words.toLowerCase());
    await nothingOpen();
  });

  it("deploys a release whose checks passed, and none whose checks did not", async () => {
    world = await createWorld(1, twoEnvironments());
    const good = await world.release("aaaaaaa");
    const bad = await world.release("bbbbbbb", { stages: { "unit-tests": { passes: false } } });
    const deploy = (release: string) =>
      world.deploy({ intent: "deploy", release, environment: "production" });
    expect(await deploy(bad)).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining("unit-tests"),
    });
    expect(await deploy(good)).toMatchObject({ status: "SUCCEEDED" });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    await nothingOpen();
  });
});

describe("order", () => {
  it("ends a release that became older while it waited for its turn as Superseded, with nothing touched", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    // The older one is pushed first and its checks are slow; the newer one overtakes it.
    const digest = await world.push("bbbbbbb", { stages: { "unit-tests": { seconds: 600 } } });
    const slow = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    await world.release("ccccccc");
    expect(await world.servingIn("production")).toBe("ccccccc");
    await world.clock.advance(1_200_000);
    expect(await world.clock.runUntil(world.records.requireRelease(slow))).toMatchObject({
      outcome: "Superseded",
      reason: expect.stringContaining("is older than"),
    });
    const [deployment] = await deployments(slow);
    expect(deployment).toMatchObject({ outcome: "Superseded" });
    expect(deployment?.databaseBefore).toBeUndefined();
    expect(deployment?.switched).toBeUndefined();
    expect(await world.servingIn("production")).toBe("ccccccc");
    await nothingOpen();
  });
});
