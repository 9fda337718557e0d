import { afterEach, describe, expect, it } from "vitest";
import { createOperator } from "./simulation/operator.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const stop = { action: "stop-the-line", service: "web", environment: "production", reason: "an outage" };
const resume = { ...stop, action: "resume-the-line", reason: "it is over" };
const environment = () => world.clock.runUntil(world.records.environment("web", "production"));

describe("a stopped line", () => {
  it("holds a release back without a lease until somebody resumes it, and says who stopped it and why", async () => {
    world = await createWorld();
    const ada = createOperator(world, "ada");
    await world.release("aaaaaaa");
    await ada.ask(stop);
    const digest = await world.push("bbbbbbb");
    await world.clock.advance(3_600_000);
    const waiting = await environment();
    expect(waiting.lease).toBeUndefined();
    expect(waiting.next?.why).toMatch(
      /^the line of production is stopped since 2026-.* by arn:.*ada: an outage;/,
    );
    expect(world.serving()).toBe("aaaaaaa");
    const before = world.clock.now();
    await ada.ask(resume);
    const ended = await world.ended(`web-${digest.slice(7, 19)}-1`);
    expect(ended).toMatchObject({ outcome: "Released" });
    // At once, and not when Reconcile comes to it.
    expect(world.clock.now() - before).toBeLessThan(60_000);
    expect(world.serving()).toBe("bbbbbbb");
  });

  it("never holds back a rollback or a recovery", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    await world.release("bbbbbbb");
    await createOperator(world, "ada").ask(stop);
    const back = { intent: "rollback", service: "web", environment: "production" };
    expect(await world.deploy(back)).toMatchObject({ status: "SUCCEEDED", output: { outcome: "Released" } });
    expect(world.serving()).toBe("aaaaaaa");
    const recover = { intent: "recover", service: "web", environment: "production" };
    expect(await world.deploy(recover)).toMatchObject({ output: { outcome: "Released" } });
  });

  it("may be stopped before anything was ever deployed", async () => {
    world = await createWorld();
    const ada = createOperator(world, "ada");
    await ada.ask(stop);
    const digest = await world.push("aaaaaaa");
    await world.clock.advance(600_000);
    expect(world.serving()).toBeUndefined();
    await ada.ask(resume);
    expect(await world.ended(`web-${digest.slice(7, 19)}-1`)).toMatchObject({ outcome: "Released" });
  });

  it("holds back whose turn was given, but who has no lease yet", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const stopped = { reason: "an outage", by: "arn:aws:iam::000000000000:user/ada", since: 0 };
    world.before("AcquireLease", () => world.records.stopLine("web", "production", stopped));
    const digest = await world.push("bbbbbbb");
    await world.clock.advance(1_800_000);
    expect((await environment()).next?.why).toMatch(/^the line of production is stopped/);
    expect((await environment()).lease).toBeUndefined();
    expect(world.serving()).toBe("aaaaaaa");
    const before = world.clock.now();
    await createOperator(world, "ada").ask(resume);
    expect(await world.ended(`web-${digest.slice(7, 19)}-1`)).toMatchObject({ outcome: "Released" });
    expect(world.clock.now() - before).toBeLessThan(60_000);
  });
});
