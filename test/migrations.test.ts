import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it } from "vitest";
import { exampleWith } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const expand = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };
const only = async (id: string) => {
  const [deployment] = await world.clock.runUntil(world.records.deployments(id));
  return deployment;
};
const live = async () => (await world.clock.runUntil(world.records.environment("web", "production"))).live;
/** The commands that migration tasks were run with, in order. */
const tasks = () =>
  world.events.filter(({ source, detail }) => source === "aws.ecs" && detail.lastStatus === "STOPPED").length;

describe("the database, before anything moves", () => {
  it("is asked where its schema stands, and that is kept", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { migration: expand });
    expect(await only(id)).toMatchObject({
      databaseBefore: { schema: "0001" },
      migration: { before: "0001", after: "0002", confirmed: true },
      reason: expect.stringContaining("the schema went from 0001 to 0002"),
    });
  });

  it("is not migrated when it is where the image leads to", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const before = tasks();
    const id = await world.release("bbbbbbb");
    expect(tasks() - before).toBe(1);
    expect(await only(id)).toMatchObject({
      migration: { skipped: true, before: "0001", after: "0001" },
      reason: expect.stringContaining("the schema was at 0001 already"),
    });
  });

  it("ends the deployment with nothing touched when it cannot be reached, in the words of the program", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { migration: { unreachable: true } });
    const deployment = await only(id);
    expect(deployment?.outcome).toBe("Rejected");
    expect(deployment?.reason).toContain("nothing was touched");
    expect(deployment?.reason).toContain("DatabaseUnreachable");
    expect(deployment?.reason).toContain("connect ECONNREFUSED");
    expect(deployment?.reason).toContain(
      "aws logs get-log-events --log-group-name /spillway/spillway/migrations",
    );
    expect(deployment?.migration).toBeUndefined();
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });

  it("is migrated all the same when its image does not say where it stands", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa", { migration: { silent: true } });
    expect(await only(id)).toMatchObject({ reason: expect.stringContaining("SchemaUnknown") });
    expect((await only(id))?.migration).toMatchObject({ confirmed: false });
  });
});

describe("a failed migration", () => {
  it("says what it printed last and where the schema stands", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { migration: { ...expand, exitCode: 1 } });
    const deployment = await only(id);
    expect(deployment?.outcome).toBe("RolledBack");
    for (const words of [
      "nothing was deployed",
      "the schema is unchanged at 0001",
      "exit code 1",
      "relation links does not exist",
    ])
      expect(deployment?.reason).toContain(words);
  });
});

describe("the migration of a release that is rolled back", () => {
  const ill = { healthStatus: 500, migration: expand };

  it("stays by default, and the record says that the previous code can read it", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", ill);
    const reason = (await only(id))?.reason;
    expect(reason).toMatch(
      new RegExp(`^rolled back to ${first} \\(commit aaaaaaa\\), verified healthy after 2 looks; `),
    );
    expect(reason).toContain("the migration 0002 stays (readable by the previous code)");
    expect(await live()).toMatchObject({ release: first, schema: "0002", readableFrom: "0001" });
  });

  it("is taken back where the policy allows it, by the failed release's own image", async () => {
    world = await createWorld(1, exampleWith({ migration: { revert: "allowed" } }));
    const first = await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", ill);
    expect(await only(id)).toMatchObject({
      outcome: "RolledBack",
      migration: { before: "0001", after: "0002", revert: "done" },
      reason: expect.stringContaining("the migration was taken back to schema 0001"),
    });
    expect(await live()).toMatchObject({ release: first, schema: "0001" });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });

  it("is taken back too when it failed half-way", async () => {
    world = await createWorld(1, exampleWith({ migration: { revert: "allowed" } }));
    await world.release("aaaaaaa");
    const halfway = { ...expand, exitCode: 1, leaves: "0002", downExitCode: 0 };
    const id = await world.release("bbbbbbb", { migration: halfway });
    expect(await only(id)).toMatchObject({ outcome: "RolledBack", migration: { revert: "done" } });
    expect(await live()).toMatchObject({ commit: "aaaaaaa", schema: "0001" });
  });

  it("needs a person when taking it back fails", async () => {
    world = await createWorld(1, exampleWith({ migration: { revert: "allowed" } }));
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { ...ill, migration: { ...expand, downExitCode: 1 } });
    expect(await only(id)).toMatchObject({
      outcome: "NeedsAttention",
      migration: { revert: "begun" },
      reason: expect.stringContaining(
        "aaaaaaa) serves again, verified healthy after 2 looks, but not all was undone",
      ),
    });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await live())?.schema).toBeUndefined();
    // Whoever recovers is told where the schema stands: without that nobody could tell to what one may go back.
    await world.deploy({ intent: "recover", service: "web", environment: "production" });
    expect((await live())?.schema).toBe("0002");
  });

  it("has nothing to take back when nothing was migrated", async () => {
    world = await createWorld(1, exampleWith({ migration: { revert: "allowed" } }));
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { healthStatus: 500 });
    expect(await only(id)).toMatchObject({ outcome: "RolledBack", migration: { skipped: true } });
  });
});

describe("a crash on start", () => {
  it("says what the program printed and how it exited, and that the target went back by itself", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const reason = (await only(await world.release("bbbbbbb", { crashesOnStart: true })))?.reason ?? "";
    expect(reason).toMatch(/^the target went back to .* by itself, verified healthy after 2 looks/);
    expect(reason).toContain("TargetRolledBack");
    expect(reason).toContain("exited with code 1");
    expect(reason).toContain("Cannot find module 'pg'");
    expect(reason).toMatch(
      /aws logs get-log-events --log-group-name \/aws\/apprunner\/spillway-web-production\//,
    );
  });
});

describe("an environment without a database", () => {
  it("migrates nothing", async () => {
    world = await createWorld(1, exampleWith({ database: "none" }));
    const id = await world.release("aaaaaaa");
    expect(tasks()).toBe(0);
    expect(await only(id)).toMatchObject({ outcome: "Released" });
    expect((await only(id))?.migration).toBeUndefined();
  });
});

describe("a migration that takes too long", () => {
  it("is stopped before anybody asks where the schema stands", async () => {
    const config = exampleWith({});
    const migration = config.services.web?.migration;
    if (migration !== undefined) migration.timeoutMinutes = 1;
    world = await createWorld(1, config);
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", { migration: { ...expand, seconds: 200 } });
    expect(await only(id)).toMatchObject({
      outcome: "RolledBack",
      migration: { before: "0001", after: "0001", confirmed: true },
      reason: expect.stringContaining("took longer than its timeoutMinutes"),
    });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });
});

describe("migrations in a cluster that the config names", () => {
  it("run there, and their end is heard", async () => {
    world = await createWorld(1, { ...exampleWith({}), aws: { cluster: "shared" } });
    // Nobody looks for it: what ends must be heard of.
    const bus = new EventBridgeClient(world.connection.client);
    await world.clock.runUntil(bus.send(new DisableRuleCommand({ Name: "EveryMinute" })));
    const id = await world.release("aaaaaaa");
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    const stopped = world.events.filter(({ source, detail }) => source === "aws.ecs" && detail.stoppedAt);
    expect(stopped.length).toBeGreaterThan(0);
    for (const { detail } of stopped) expect(detail.clusterArn).toMatch(/:cluster\/shared$/);
  });
});
