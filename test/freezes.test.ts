import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import { sleep } from "../local/asl/index.ts";
import { exampleWith } from "./simulation/environments.ts";
import { createOperator } from "./simulation/operator.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const hour = 3_600_000;
/** The world begins on 1 January 2026, midnight UTC, a Thursday. */
const holidays = { start: "2026-01-01T00:30", duration: "PT1H", timeZone: "UTC", reason: "nobody is there" };
const mornings = {
  ...{ start: "2025-12-01T01:30", duration: "PT15M", timeZone: "UTC" },
  ...{ rrule: "FREQ=DAILY", reason: "a backup runs" },
};

const environment = () => world.clock.runUntil(world.records.environment("web", "production"));
const nameOf = (digest: string) => `web-${digest.slice(7, 19)}-1`;

async function startRollback(): Promise<void> {
  await new SFNClient(world.connection.client).send(
    new StartExecutionCommand({
      stateMachineArn: world.made.machines.DeployMachine,
      input: JSON.stringify({ intent: "rollback", service: "web", environment: "production" }),
    }),
  );
}

/** A release is live, and then it freezes. */
async function frozen(): Promise<void> {
  world = await createWorld(1, exampleWith({ freezes: [holidays] }));
  await world.release("aaaaaaa");
  await world.clock.advance(0.6 * hour);
}

describe("a freeze window", () => {
  it("is waited out without a lease, and says until when and why", async () => {
    await frozen();
    const id = nameOf(await world.push("bbbbbbb"));
    await world.clock.advance(600_000);
    const { next, lease } = await environment();
    expect(lease).toBeUndefined();
    expect(next?.why).toBe(
      `production is frozen until 2026-01-01T01:30:00.000Z: nobody is there; npm run operate -- override-freeze ${id} production --reason "WHY" lets it go before`,
    );
    expect(world.serving()).toBe("aaaaaaa");
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    const late = world.clock.now() - Date.UTC(2026, 0, 1, 1, 30);
    expect(late).toBeGreaterThan(0);
    expect(late).toBeLessThan(10 * 60_000);
  });

  it("never delays a rollback or a recovery", async () => {
    world = await createWorld(1, exampleWith({ freezes: [holidays] }));
    await world.release("aaaaaaa");
    await world.release("bbbbbbb");
    await world.clock.advance(0.6 * hour);
    await world.push("ccccccc");
    await world.clock.advance(600_000);
    const before = world.clock.now();
    const back = { intent: "rollback", service: "web", environment: "production" };
    expect(await world.deploy(back)).toMatchObject({ output: { outcome: "Released" } });
    const recover = { ...back, intent: "recover" };
    expect(await world.deploy(recover)).toMatchObject({ output: { outcome: "Released" } });
    expect(world.clock.now() - before).toBeLessThan(hour);
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("is overridden for one release by a person with a reason, at once and on the record", async () => {
    await frozen();
    const id = nameOf(await world.push("bbbbbbb"));
    await world.clock.advance(600_000);
    const asked = {
      action: "override-freeze",
      release: id,
      environment: "production",
      reason: "it mends an outage",
    };
    const before = world.clock.now();
    expect(await createOperator(world, "ada").ask(asked)).toMatchObject({ status: 200 });
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    expect(world.clock.now() - before).toBeLessThan(120_000);
    expect(await createOperator(world, "ben").ask(asked)).toMatchObject({
      status: 409,
      error: "NothingToDo",
    });
    const entries = await world.clock.runUntil(world.records.auditEntries("web"));
    expect(entries.find(({ done }) => done !== undefined)).toMatchObject({
      ...{ action: "override-freeze", release: id, environment: "production", reason: "it mends an outage" },
      by: "arn:aws:iam::000000000000:user/ada",
    });
    // The next one waits again.
    const next = nameOf(await world.push("ccccccc"));
    await world.clock.advance(600_000);
    expect((await environment()).next?.release).toBe(next);
  });

  it("does not hold back what a person forces, with a reason", async () => {
    await frozen();
    const release = nameOf(await world.push("bbbbbbb"));
    await world.clock.advance(600_000);
    const forced = { intent: "deploy", release, environment: "production", force: true };
    expect(await world.deploy({ ...forced, reason: "it mends an outage" })).toMatchObject({
      output: { outcome: "Released" },
    });
    expect(world.clock.now()).toBeLessThan(Date.UTC(2026, 0, 1, 1, 30));
    expect(world.serving()).toBe("bbbbbbb");
  });

  it("gives way to the newest: who waits longer is superseded", async () => {
    await frozen();
    const older = nameOf(await world.push("bbbbbbb"));
    await world.clock.advance(600_000);
    const newer = nameOf(await world.push("ccccccc"));
    expect(await world.ended(older)).toMatchObject({ outcome: "Superseded" });
    expect(await world.ended(newer)).toMatchObject({ outcome: "Released" });
    expect(world.serving()).toBe("ccccccc");
  });

  it("that touches the next one is one freeze", async () => {
    world = await createWorld(1, exampleWith({ freezes: [holidays, mornings] }));
    await world.clock.advance(0.6 * hour);
    const id = nameOf(await world.push("aaaaaaa"));
    await world.clock.advance(600_000);
    expect((await environment()).next?.why).toMatch(/^production is frozen until 2026-01-01T01:45:00.000Z/);
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    expect(world.clock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1, 1, 45));
  });

  it("that begins before who has its turn has the lease is waited out: a rollback was faster", async () => {
    let isRaced = false;
    world = await createWorld(
      1,
      exampleWith({ freezes: [{ ...holidays, start: "2026-01-01T01:00" }] }),
      {},
      {
        seams: (clock) => ({
          async call({ invocation }, send) {
            if (isRaced && invocation?.name === "AcquireLease") {
              isRaced = false;
              await startRollback();
              await sleep(clock, 10_000);
            }
            return send();
          },
        }),
      },
    );
    await world.release("aaaaaaa", { startSeconds: 240 });
    await world.release("bbbbbbb");
    await world.clock.advance(Date.UTC(2026, 0, 1, 0, 58) - world.clock.now());
    isRaced = true;
    const id = nameOf(await world.push("ccccccc"));
    await world.clock.advance(600_000);
    expect(world.serving()).toBe("aaaaaaa");
    const { lease, next } = await environment();
    expect(lease).toBeUndefined();
    expect(next).toMatchObject({ release: id, why: expect.stringMatching(/^production is frozen until/) });
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    expect(world.clock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1, 2));
    expect(world.serving()).toBe("ccccccc");
  });
});
