import { afterEach, describe, expect, it } from "vitest";
import { exampleWith, twoEnvironments } from "./simulation/environments.ts";
import { createOperator } from "./simulation/operator.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const releaseOf = (id: string) => run(world.records.requireRelease(id));
const environment = (name = "production") => run(world.records.environment("web", name));
const quarantines = () => run(world.records.quarantines("web"));
const healthyWithin = { intervalSeconds: 1, consecutiveSuccesses: 2, deadlineSeconds: 30 };
const ill: Behaviour = { healthStatus: 500 };

describe("a digest that was rolled back as unhealthy", () => {
  it.each<[string, Behaviour]>([
    ["by the config's health rules", ill],
    ["by its target, which went back by itself", { crashesOnStart: true }],
  ])("is put in quarantine, judged %s", async (_by, behaviour) => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", behaviour);
    const release = await releaseOf(id);
    expect(release.outcome).toBe("RolledBack");
    expect(await quarantines()).toMatchObject([
      { digest: release.image?.digest, release: id, environment: "production", verdict: "unhealthy" },
    ]);
    expect((await quarantines())[0]?.reason).toMatch(/^(rolled back|the target went back) to /);
  });

  it.each<[string, Behaviour]>([
    ["healthy, but a stage of the environment said no", { stages: { "end-to-end": { passes: false } } }],
    ["not to be judged", { unreachable: true }],
    [
      "never deployed, because its migration failed",
      { migration: { exitCode: 1, after: "0002", history: ["0001", "0002"], readableFrom: "0001" } },
    ],
  ])("is not, if it was %s", async (_what, behaviour) => {
    const config = exampleWith({ health: healthyWithin });
    const [web] = [config.services.web];
    if (web === undefined) throw new Error("the example has a service web");
    web.stages["end-to-end"] = { buildspec: "end-to-end.yml" };
    const { production } = web.environments;
    if (production !== undefined) production.verification = [["end-to-end"]];
    world = await createWorld(1, config);
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", behaviour);
    expect(["RolledBack", "NeedsAttention"]).toContain((await releaseOf(id)).outcome);
    expect(await quarantines()).toEqual([]);
  });

  it("is refused to a person, by name and with what to type, until that person says so with a reason", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const behaviour = { healthStatus: 500 };
    const id = await world.release("bbbbbbb", behaviour);
    const refused = await world.start({ service: "web", tag: "bbbbbbb" });
    expect(refused).toMatchObject({ error: "Rejected", cause: expect.stringContaining("Quarantined") });
    expect(refused.cause).toContain(`as ${id} it was found unhealthy in production`);
    expect(refused.cause).toContain('"force":true');
    const wordless = await world.start({ service: "web", tag: "bbbbbbb", force: true });
    expect(wordless).toMatchObject({ error: "Rejected", cause: expect.stringContaining('"reason":"…"') });
    behaviour.healthStatus = 200;
    const forced = await world.start({
      ...{ service: "web", tag: "bbbbbbb", force: true },
      reason: "its secret was wrong and is right now",
    });
    expect(forced.status).toBe("SUCCEEDED");
    expect(world.serving()).toBe("bbbbbbb");
    expect(await releaseOf(id.replace(/-1$/, "-2"))).toMatchObject({
      force: true,
      why: "its secret was wrong and is right now",
    });
  });

  it("is promoted by force only, and a word that was given before it was found ill once more does not count", async () => {
    world = await createWorld(1, twoEnvironments());
    await world.release("aaaaaaa");
    const promote = { intent: "promote", service: "web", from: "staging", to: "production" };
    await world.deploy(promote);
    const behaviour: { healthStatus: number } = { healthStatus: 200 };
    const id = await world.release("bbbbbbb", behaviour);
    behaviour.healthStatus = 500;
    expect(await world.deploy(promote)).toMatchObject({ error: "RolledBack" });
    expect(await world.deploy(promote)).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining("Quarantined"),
    });
    const forced = { ...promote, force: true, reason: "the test of staging is trusted" };
    expect(await world.deploy(forced)).toMatchObject({ error: "RolledBack" });
    expect(await run(world.records.deployments(id))).toMatchObject([
      { environment: "production", attempt: 1 },
      { environment: "production", attempt: 2, force: true, why: "the test of staging is trusted" },
      { environment: "staging" },
    ]);
    expect(await world.deploy(promote)).toMatchObject({ error: "Rejected" });
    behaviour.healthStatus = 200;
    expect(await world.deploy(forced)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("cannot be forced by an event, which says nothing certain about who sent it", async () => {
    world = await createWorld();
    const ended = await world.start({
      id: "1",
      "detail-type": "Release Requested",
      source: "team",
      detail: { service: "web", tag: "aaaaaaa", force: true, reason: "now" },
    });
    expect(ended).toMatchObject({ error: "Rejected", cause: expect.stringContaining("who sent it") });
  });

  it("is free again when a person lifts the quarantine", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const behaviour = { healthStatus: 500 };
    await world.release("bbbbbbb", behaviour);
    const [found] = await quarantines();
    behaviour.healthStatus = 200;
    const lift = {
      action: "lift-quarantine",
      service: "web",
      digest: found?.digest,
      reason: "the secret is right",
    };
    const ada = createOperator(world, "ada");
    expect(await ada.ask(lift)).toMatchObject({ status: 200 });
    expect(await ada.ask(lift)).toMatchObject({ status: 409 });
    const [{ lifted } = {}] = await quarantines();
    expect(lifted).toMatchObject({ by: expect.stringContaining("ada"), reason: "the secret is right" });
    expect(await world.start({ service: "web", tag: "bbbbbbb" })).toMatchObject({ status: "SUCCEEDED" });
  });
});

describe("an environment after a rollback", () => {
  it("is held: a late push between what is live and what failed is refused and says why; a newer one lifts it", async () => {
    world = await createWorld();
    await world.release("aaaaaaa", { sequence: 1 });
    const failed = await world.release("ccccccc", { sequence: 3, ...ill });
    expect((await environment()).hold).toMatchObject({ release: failed, sequence: 3 });
    const between = await world.release("bbbbbbb", { sequence: 2 });
    expect(await releaseOf(between)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining(`when ${failed} was rolled back; ${between} (order 2) is not newer`),
    });
    expect(world.serving()).toBe("aaaaaaa");
    await world.release("ddddddd", { sequence: 4 });
    expect(world.serving()).toBe("ddddddd");
    expect((await environment()).hold).toBeUndefined();
  });

  it("takes what a person starts", async () => {
    world = await createWorld();
    await world.release("aaaaaaa", { sequence: 1 });
    await world.release("ccccccc", { sequence: 3, ...ill });
    const between = await world.release("bbbbbbb", { sequence: 2 });
    const byHand = { intent: "deploy", release: between, environment: "production" };
    expect(await world.deploy(byHand)).toMatchObject({ status: "SUCCEEDED" });
    expect(world.serving()).toBe("bbbbbbb");
    expect((await environment()).hold).toBeUndefined();
  });

  it("takes late pushes again when a person lifts the hold", async () => {
    world = await createWorld();
    await world.release("aaaaaaa", { sequence: 1 });
    await world.release("ccccccc", { sequence: 3, ...ill });
    const lift = {
      action: "lift-hold",
      service: "web",
      environment: "production",
      reason: "it was the network",
    };
    const ada = createOperator(world, "ada");
    expect(await ada.ask(lift)).toMatchObject({ status: 200 });
    expect(await ada.ask(lift)).toMatchObject({ status: 409 });
    const between = await world.release("bbbbbbb", { sequence: 2 });
    expect(await releaseOf(between)).toMatchObject({ outcome: "Released" });
  });

  it("is held as well when a person went back, until a person goes forward again", async () => {
    world = await createWorld();
    await world.release("aaaaaaa", { sequence: 1 });
    const left = await world.release("ccccccc", { sequence: 3 });
    const back = { intent: "rollback", service: "web", environment: "production" };
    await world.deploy(back);
    expect((await environment()).hold).toMatchObject({ release: left, sequence: 3 });
    const between = await world.release("bbbbbbb", { sequence: 2 });
    expect(await releaseOf(between)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining(`when a person went back from ${left}`),
    });
    await world.deploy({ ...back, to: left });
    expect(world.serving()).toBe("ccccccc");
    expect((await environment()).hold).toBeUndefined();
  });

  it("is held when nobody can tell how a release fares", async () => {
    world = await createWorld(1, exampleWith({ health: healthyWithin }));
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { unreachable: true });
    expect(await environment()).toMatchObject({
      frozen: { release: id },
      hold: { release: id, reason: `${id} ended as NeedsAttention` },
    });
  });
});

describe("a frozen environment", () => {
  it("takes a release that a person forces, and is open again when that is healthy", async () => {
    world = await createWorld(1, exampleWith({ health: healthyWithin }));
    await world.release("aaaaaaa");
    await world.release("bbbbbbb", { unreachable: true });
    const id = await world.release("ccccccc");
    expect(await releaseOf(id)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("frozen"),
    });
    const byHand = { intent: "deploy", release: id, environment: "production" };
    expect(await world.deploy(byHand)).toMatchObject({ error: "Rejected" });
    const forced = { ...byHand, force: true, reason: "the network is repaired" };
    expect(await world.deploy(forced)).toMatchObject({ status: "SUCCEEDED" });
    expect((await environment()).frozen).toBeUndefined();
    expect(world.serving()).toBe("ccccccc");
  });
});
