import { afterEach, describe, expect, it } from "vitest";
import { readStatus, renderStatus } from "../../cli/environment-status.ts";
import { twoEnvironments } from "../simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const status = async (...[service, environment]: string[]) =>
  renderStatus(await run(readStatus(world.records, { service, environment })));

describe("npm run status", () => {
  it("says what is live, who has the lease and why, who is next and for what it waits", async () => {
    world = await createWorld(1, twoEnvironments());
    const first = await world.release("aaaaaaa");
    expect(await status()).toContain(
      `web staging\n  live         ${first}, commit aaaaaaa, schema 0001, since 2026`,
    );
    expect(await status()).toContain("web production\n  live         nothing");
    await world.push("bbbbbbb", { startSeconds: 200 });
    const staging = () => run(world.records.environment("web", "staging"));
    while ((await staging()).lease === undefined) await world.clock.advance(1_000);
    await world.push("ccccccc");
    while ((await staging()).next === undefined) await world.clock.advance(1_000);
    const { lease, next } = await staging();
    const text = await status("web", "staging");
    expect(text).toContain(`  lease        deploy ${lease?.release}, since 2026-01-01T00:`);
    expect(text).toContain(`  next         ${next?.release}, since 2026-01-01T00:`);
    expect(text).toContain(`staging is being changed since`);
    expect(text).toContain(`  ${next?.release} by push, commit ccccccc, since 2026-01-01T00:`);
    expect(text).not.toContain("production");
  });

  it("says what keeps an environment from changing, and why the last lease ended", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const at = Date.UTC(2026, 0, 1, 3);
    await run(
      world.records.freeze("web", "production", { reason: "an incident", since: at, release: "web-1" }),
    );
    await run(world.records.stopLine("web", "production", { reason: "a sale", by: "arn:person", since: at }));
    const text = await status("web");
    expect(text).toContain("  frozen       since 2026-01-01T03:00:00Z: an incident");
    expect(text).toContain("  stopped      since 2026-01-01T03:00:00Z by arn:person: a sale");
    expect(text).toMatch(/ {2}freed {8}2026-01-01T00:.*: its deployment ended as Released/);
  });

  it("names what there is when something else is asked for", async () => {
    world = await createWorld();
    await expect(status("wbe")).rejects.toThrow("There is no service wbe; there are web.");
    await expect(status("web", "prod")).rejects.toThrow(
      "There is no environment prod; there are production.",
    );
  });
});
