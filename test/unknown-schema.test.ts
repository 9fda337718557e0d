import { afterEach, describe, expect, it } from "vitest";
import { exampleWith } from "./simulation/environments.ts";
import type { Seams } from "./simulation/seams.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const environment = () => run(world.records.environment("web", "production"));
const rollback = { intent: "rollback", service: "web", environment: "production" };

/** Whether ECS has no room for any task. */
let isFull = false;
const noRoom = { tasks: [], failures: [{ reason: "RESOURCE:ENI" }] };
const call: NonNullable<Seams["call"]> = async ({ operation }, send) =>
  isFull && operation.endsWith(".RunTask")
    ? { status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(noRoom)) }
    : send();

/** What ran before lives on a schema of which nobody knows where it stands: a migration could not be taken back. */
async function leaveSchemaUnknown(readableFrom: string) {
  isFull = false;
  world = await createWorld(
    1,
    exampleWith({ migration: { revert: "allowed" } }),
    {},
    { seams: () => ({ call }) },
  );
  const first = await world.release("aaaaaaa");
  const expand = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };
  const second = await world.release("bbbbbbb", { migration: expand });
  const contract = { after: "0003", history: ["0001", "0002", "0003"], readableFrom };
  const ill = await world.release("ccccccc", {
    healthStatus: 500,
    migration: { ...contract, downExitCode: 1 },
  });
  if (readableFrom === "0003") {
    const insist = { force: true, reason: "the old clients are gone" };
    await world.deploy({ intent: "deploy", release: ill, environment: "production", ...insist });
  }
  const { live, frozen } = await environment();
  expect(live).toMatchObject({ release: second, schemaLeftBy: ill });
  expect(live?.schema).toBeUndefined();
  expect(frozen).toBeDefined();
  return { first, second, ill };
}

describe("a rollback where nobody knows how the schema stands", () => {
  it("asks the database, with the image that may have migrated it, and is refused to code that cannot read it", async () => {
    const { first, second } = await leaveSchemaUnknown("0002");
    const ended = await world.deploy(rollback);
    expect(ended).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining(
        `DeploymentRefused: ${first} was built against schema 0001 and cannot run on 0003, which production has now and which code from 0002 on can read`,
      ),
    });
    expect(world.serving()).toBe("bbbbbbb");
    const { live, frozen } = await environment();
    expect(live).toMatchObject({ release: second, schema: "0003", readableFrom: "0002" });
    expect(live?.schemaLeftBy).toBeUndefined();
    // Nobody looked yet.
    expect(frozen).toBeDefined();
  });

  it("goes on to code that can read it, migrates nothing, and records where it stands", async () => {
    const { first } = await leaveSchemaUnknown("0001");
    const ended = await world.deploy(rollback);
    expect(ended).toMatchObject({ output: { outcome: "Released" } });
    expect(world.serving()).toBe("aaaaaaa");
    const { live, frozen } = await environment();
    expect(live).toMatchObject({ release: first, schema: "0003", readableFrom: "0001" });
    expect(frozen).toBeUndefined();
  });

  it("goes on, too, if the database cannot be asked: its health will tell", async () => {
    const { first, ill } = await leaveSchemaUnknown("0002");
    isFull = true;
    expect(await world.deploy(rollback)).toMatchObject({ output: { outcome: "Released" } });
    expect(world.serving()).toBe("aaaaaaa");
    const { live } = await environment();
    expect(live).toMatchObject({ release: first, schemaLeftBy: ill });
    expect(live?.schema).toBeUndefined();
  });
});

describe("a recovery where nobody knows how the schema stands", () => {
  it("knows afterwards what code can read it: going back to any other is refused", async () => {
    const { first, second } = await leaveSchemaUnknown("0002");
    expect(await world.deploy({ ...rollback, intent: "recover" })).toMatchObject({
      output: { outcome: "Released" },
    });
    expect((await environment()).live).toMatchObject({
      release: second,
      schema: "0003",
      readableFrom: "0002",
    });
    expect(await world.deploy(rollback)).toMatchObject({
      error: "Rejected",
      cause: expect.stringContaining(`${first} was built against schema 0001 and cannot run on 0003`),
    });
  });

  it("brings back nothing that cannot read it, and says whose image takes the migration back", async () => {
    const { ill } = await leaveSchemaUnknown("0003");
    expect(await world.deploy({ ...rollback, intent: "recover" })).toMatchObject({
      error: "NeedsAttention",
      cause: expect.stringContaining(`run the migration image of ${ill} with down --to 0002`),
    });
    expect(await environment()).toMatchObject({ frozen: {}, live: { schema: "0003" } });
  });
});
