import { afterEach, describe, expect, it } from "vitest";
import { createOperator } from "./simulation/operator.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const ask = (request: object) => createOperator(world, "ada").ask(request);
const nameOf = (digest: string) => `web-${digest.slice(7, 19)}-1`;

describe("an operator", () => {
  it("cancels what is under way, once, and its record says who and why", async () => {
    world = await createWorld();
    const release = nameOf(await world.push("aaaaaaa", { stages: { "unit-tests": { seconds: 3_000 } } }));
    await world.clock.advance(60_000);
    const cancel = { action: "cancel", release, reason: "it was pushed by mistake" };
    expect(await ask(cancel)).toMatchObject({ status: 200 });
    const ended = await world.ended(release);
    expect(ended).toMatchObject({ outcome: "Cancelled" });
    expect(ended.reason).toContain("it was pushed by mistake");
    expect(ended.reason).toContain("user/ada");
    expect(await ask(cancel)).toMatchObject({ status: 409, error: "NothingToCancel" });
  });
});
