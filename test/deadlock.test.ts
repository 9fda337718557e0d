import { afterEach, describe, expect, it } from "vitest";
import { exampleWith } from "./simulation/environments.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const environment = () => run(world.records.environment("web", "production"));
/** Its schema cannot be read by the code before it. */
const contract = { after: "0002", history: ["0001", "0002"], readableFrom: "0002" };
const ill: Behaviour = { healthStatus: 500, migration: contract };
const forced = { force: true, reason: "the old clients are gone" };

/** Lets a release through whose migration cannot be followed by what is live, as a person insists. */
async function forceThrough(tag: string, behaviour: Behaviour) {
  const refused = await world.release(tag, behaviour);
  expect(await world.ended(refused)).toMatchObject({
    outcome: "Rejected",
    reason: expect.stringContaining('"force":true'),
  });
  const deploy = { intent: "deploy", release: refused, environment: "production" };
  return { id: refused, ended: await world.deploy({ ...deploy, ...forced }) };
}

describe("code that is ill on a schema which the code before it cannot read", () => {
  it("needs a person, who is told both ways out; nothing is brought back and nothing goes round in circles", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const { id, ended } = await forceThrough("bbbbbbb", ill);
    expect(ended.error).toBe("NeedsAttention");
    expect(ended.cause).toContain(
      `${first} (commit aaaaaaa), built against schema 0001, cannot run on schema 0002`,
    );
    expect(ended.cause).toContain('"environments":["production"],"force":true,"reason":"…"}');
    expect(ended.cause).toContain(`run the migration image of ${id} with down --to 0001`);
    expect(ended.cause).toContain('{"intent":"recover","service":"web","environment":"production"}');
    expect(world.serving()).toBe("bbbbbbb");
    const from = world.events.length;
    const recover = { intent: "recover", service: "web", environment: "production" };
    expect(await world.deploy(recover)).toMatchObject({ error: "NeedsAttention" });
    await world.clock.advance(1_200_000);
    const updates = world.events.slice(from).filter(({ source }) => source === "aws.apprunner");
    expect(updates).toEqual([]);
    expect(await environment()).toMatchObject({ frozen: {}, live: { release: first, schema: "0002" } });
  });

  it("is repaired forward by a newer image that a person forces", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    await forceThrough("bbbbbbb", ill);
    const id = await world.release("ccccccc", { migration: contract });
    expect(await world.ended(id)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("frozen"),
    });
    const repair = { service: "web", tag: "ccccccc", environments: ["production"], ...forced };
    expect(await world.start(repair)).toMatchObject({ status: "SUCCEEDED" });
    expect(world.serving()).toBe("ccccccc");
    expect((await environment()).frozen).toBeUndefined();
  });

  it("is taken back by itself where the policy lets migrations be reverted: first the schema, then the code", async () => {
    world = await createWorld(1, exampleWith({ migration: { revert: "allowed" } }));
    const first = await world.release("aaaaaaa");
    const { ended } = await forceThrough("bbbbbbb", ill);
    expect(ended.error).toBe("RolledBack");
    expect(world.serving()).toBe("aaaaaaa");
    const { live, frozen } = await environment();
    expect(live).toMatchObject({ release: first, schema: "0001" });
    expect(frozen).toBeUndefined();
  });

  it("is not left to its target either, which went back by itself", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const { ended } = await forceThrough("bbbbbbb", { crashesOnStart: true, migration: contract });
    expect(ended).toMatchObject({
      error: "NeedsAttention",
      cause: expect.stringContaining("cannot run on schema 0002"),
    });
    expect((await environment()).frozen).toBeDefined();
  });
});
