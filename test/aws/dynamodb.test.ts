import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

it("names the record and the member that another hand changed", async () => {
  const world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  try {
    const key = { pk: { S: "WAIT#web-1/stage/unit-tests" }, sk: { S: "WAIT" } };
    const dynamo = new DynamoDBClient(world.connection.client);
    await dynamo.send(
      new UpdateItemCommand({
        TableName: world.made.table,
        Key: key,
        UpdateExpression: "SET looks = :looks",
        ExpressionAttributeValues: { ":looks": { S: "many" } },
      }),
    );
    await expect(world.records.wait("web-1/stage/unit-tests")).rejects.toMatchObject({
      name: "RecordUnreadable",
      message: expect.stringMatching(
        /^The record WAIT#web-1\/stage\/unit-tests WAIT cannot be read: .*looks: Invalid input: expected number, received string/,
      ),
    });
  } finally {
    await world.close();
  }
});

describe("the config of a release", () => {
  let world: SimulatedWorld;
  let id: string;
  const read = () => world.clock.runUntil(world.records.requireRelease(id));
  /** Puts something else in the place of the config and resources that the record holds. */
  const store = (installation: unknown) =>
    world.clock.runUntil(
      new DynamoDBClient(world.connection.client).send(
        new UpdateItemCommand({
          TableName: world.made.table,
          Key: marshall({ pk: `RELEASE#${id}`, sk: "RELEASE" }),
          UpdateExpression: "SET installation = :installation",
          ExpressionAttributeValues: marshall({ ":installation": installation }),
        }),
      ),
    );

  beforeAll(async () => {
    world = await createWorld();
    id = await world.release("aaaaaaa");
  });
  afterAll(() => world.close());

  it("is read as it was admitted, also where an earlier version wrote it as attributes", async () => {
    const { installation } = await read();
    expect(Object.keys(installation.config.services)).toEqual(["web"]);
    await store(installation);
    expect((await read()).installation).toEqual(installation);
  });

  it.each([
    ["no JSON", { config: "{", resources: "{}" }, /config: Invalid input: expected object, received string/],
    ["of another shape", { config: "{}", resources: "{}" }, /config\.services: Invalid input/],
    ["not there", "nothing", /installation\.config: Invalid input: expected object/],
  ])("is refused in words if it is %s", async (_, installation, words) => {
    await store(installation);
    await expect(read()).rejects.toMatchObject({
      name: "RecordUnreadable",
      message: expect.stringMatching(words),
    });
  });
});

describe("records that are read together", () => {
  let world: SimulatedWorld;
  const reads = () => world.requests.get("DynamoDB_20120810.BatchGetItem") ?? 0;
  const digest = (nth: number) => `sha256:${String(nth).padStart(64, "0")}`;
  const quarantine = (nth: number, reason: string) => ({
    ...{ service: "web", digest: digest(nth), environment: "production", release: "web-1" },
    ...{ reason, verdict: "unhealthy" as const, since: nth },
  });
  const readAll = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, nth) => world.records.quarantine("web", digest(nth))));

  beforeAll(async () => {
    world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  });
  afterAll(() => world.close());

  it("are read in one request, each by itself, though one is asked for twice", async () => {
    await world.records.putInQuarantine(quarantine(1, "it was ill"));
    const before = reads();
    const found = await Promise.allSettled([
      world.records.quarantine("web", digest(1)),
      world.records.wait("there is none"),
      world.records.quarantine("web", digest(1)),
      world.records.refusedPush("web", digest(1)),
      world.records.environment("web", "production"),
    ]);
    expect(reads() - before).toBe(1);
    expect(found.map((one) => one.status === "fulfilled" && one.value)).toEqual([
      expect.objectContaining({ reason: "it was ill" }),
      undefined,
      expect.objectContaining({ reason: "it was ill" }),
      undefined,
      { service: "web", environment: "production", fence: 0 },
    ]);
    await world.records.wait("there is none");
    expect(reads() - before).toBe(2);
  });

  it("may be more than DynamoDB takes in one request", async () => {
    for (const nth of [0, 99, 100, 249]) await world.records.putInQuarantine(quarantine(nth, `ill ${nth}`));
    const before = reads();
    const found = await readAll(250);
    expect(reads() - before).toBe(3);
    expect(found.flatMap((one) => one?.since ?? []).toSorted((a, b) => a - b)).toEqual([0, 1, 99, 100, 249]);
  });

  it("may be larger than DynamoDB answers in one", async () => {
    const large = "ill".repeat(130_000);
    for (let nth = 0; nth < 50; nth++) await world.records.putInQuarantine(quarantine(nth, large));
    const before = reads();
    const found = await readAll(50);
    expect(found.map((one) => one?.since)).toEqual(Array.from({ length: 50 }, (_, nth) => nth));
    expect(reads() - before).toBeGreaterThan(1);
  });
});

describe("what a function asked of a wait that takes effect after its retry has gone on", () => {
  let world: SimulatedWorld;
  const wait = {
    key: "web-1/stage/unit-tests",
    kind: "build" as const,
    release: "web-1",
    token: "first",
    tries: 0,
    begunAt: 0,
    subject: {},
    looks: 0,
    lookAgainAt: 0,
  };
  const anew = { token: "third", tries: 1, begunAt: 1, lookAgainAt: 1 };
  const failed = { end: "failed", error: "StageFaulted", cause: "no room" } as const;

  beforeAll(async () => {
    world = await createWorld(1, undefined, {}, { tables: "dynalite" });
    await world.records.openWait(wait);
  });
  afterAll(() => world.close());

  it("does not bring an older token back", async () => {
    const { records } = world;
    expect(await records.replaceToken(wait, "second")).toBe(true);
    expect(await records.replaceToken(wait, "late")).toBe(false);
    expect(await records.wait(wait.key)).toMatchObject({ token: "second" });
  });

  it("does not end a wait for which a retry waits with a token of its own", async () => {
    const { records } = world;
    expect(await records.closeWait(wait, failed)).toBe(false);
    expect((await records.wait(wait.key))?.result).toBeUndefined();
  });

  it("does not begin anew what was begun anew", async () => {
    const { records } = world;
    expect(await records.closeWait({ ...wait, token: "second" }, failed)).toBe(true);
    expect(await records.reopenWait(wait, anew)).toBe(true);
    expect(await records.reopenWait(wait, { ...anew, token: "late" })).toBe(false);
    expect(await records.wait(wait.key)).toMatchObject({ token: "third", tries: 1 });
  });

  it("neither attaches nor ends the work of an earlier try", async () => {
    const { records } = world;
    expect(await records.attachAwaited(wait, "arn:of-the-first-try", {})).toBe(false);
    expect(await records.closeWait(wait, failed)).toBe(false);
    const found = await records.wait(wait.key);
    expect(found).toMatchObject({ token: "third" });
    expect(found?.awaitedArn ?? found?.result).toBeUndefined();
    expect(await records.endWait(wait.key, failed)).toBe(true);
  });
});

it("takes nothing of the way forward that comes late, once the way back is on record", async () => {
  const world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  try {
    const { records } = world;
    const forward = {
      ...{ release: "web-1", environment: "production", attempt: 1, service: "web", fence: 1 },
      ...{ executionArn: "arn:one", intent: "deploy" as const, openedAt: 0, verification: {} },
    };
    const lease = { owner: "arn:one", release: "web-1", fence: 1, reason: "deploy", since: 0 };
    const hold = { reason: "something was found", since: 0, sequence: 1, release: "web-1" };
    await records.openDeployment(forward);
    await records.takeLease(await records.environment("web", "production"), lease, {});
    const back = { ...forward, rollback: { action: "restored" as const, at: 1 } };
    await records.updateDeployment(forward, { rollback: back.rollback });
    expect(await records.closeOwnDeployment(forward, { endedAt: 2, outcome: "Released" })).toBe(false);
    expect(await records.recordLive(back, { hold })).toBe(true);
    expect(await records.recordLive(forward, { hold: undefined })).toBe(false);
    expect(await records.environment("web", "production")).toMatchObject({ hold });
    expect(await records.closeOwnDeployment(back, { endedAt: 3, outcome: "RolledBack" })).toBe(true);
  } finally {
    await world.close();
  }
});

it("does not forget what a migration did when the note that it may begin comes late", async () => {
  const world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  try {
    const deployment = {
      ...{ release: "web-1", environment: "production", attempt: 1, service: "web" },
      ...{ executionArn: "arn:one", intent: "deploy" as const, openedAt: 0, verification: {} },
    };
    const { records } = world;
    await records.openDeployment(deployment);
    expect(await records.beginMigration(deployment, 1)).toBe(true);
    const migration = { begunAt: 1, before: "0001", after: "0002", confirmed: true };
    await records.updateDeployment(deployment, { migration });
    expect(await records.beginMigration(deployment, 1)).toBe(false);
    expect(await records.deployment(deployment)).toMatchObject({ migration });
  } finally {
    await world.close();
  }
});

it("gives no lease to the next in a line that was stopped since the record was read, but to who goes back", async () => {
  const world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  try {
    const { records } = world;
    const next = { execution: "arn:one", release: "web-1", attempt: 1, sequence: 1, openedAt: 0, since: 0 };
    await records.enterLine(await records.environment("web", "production"), next);
    const read = await records.environment("web", "production");
    await records.stopLine("web", "production", { reason: "an outage", by: "ada", since: 1 });
    const lease = { owner: "arn:one", release: "web-1", fence: 1, reason: "deploy web-1", since: 2 };
    expect(await records.takeLease(read, lease, {})).toBe(false);
    expect(await records.takeLease(read, { ...lease, owner: "arn:back" }, {})).toBe(true);
  } finally {
    await world.close();
  }
});

describe("what is open", () => {
  let world: SimulatedWorld;
  const deployment = { release: "web-1", attempt: 1 };
  const lease = { owner: "one", release: "web-1", fence: 1, since: 10, reason: "deploy web-1" };
  const next = { ...deployment, execution: "two", sequence: 2, openedAt: 20, since: 20 };
  const freed = { owner: "one", release: "web-1", fence: 1, at: 30, reason: "it ended" };
  const names = async () => {
    const open = await world.records.allOpen();
    return open.environments().map(({ environment }) => environment);
  };

  beforeAll(async () => {
    world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  });
  afterAll(() => world.close());

  it("is an environment while somebody has its lease", async () => {
    const { records } = world;
    expect(await names()).toEqual([]);
    await records.takeLease(await records.environment("web", "production"), lease, { current: deployment });
    expect(await names()).toEqual(["production"]);
    expect(await records.closeEnvironment("web", "production")).toBe(false);
    expect(await records.releaseLease("web", "production", freed)).toMatchObject({ freed, fence: 1 });
    expect(await records.releaseLease("web", "production", freed)).toBeUndefined();
    expect(await names()).toEqual([]);
  });

  it("is one for which somebody waits, also when its lease is given back", async () => {
    const { records } = world;
    const before = await records.environment("web", "production");
    await records.takeLease(before, { ...lease, fence: 2 }, { current: deployment });
    await records.enterLine(await records.environment("web", "production"), next);
    expect(await records.releaseLease("web", "production", { ...freed, fence: 2 })).toMatchObject({ next });
    expect(await names()).toEqual(["production"]);
    await records.leaveLine("web", "production", "next", "two");
    expect(await records.closeEnvironment("web", "production")).toBe(true);
    expect(await names()).toEqual([]);
  });

  it("is one for which somebody waits ahead of the line", async () => {
    const { records } = world;
    await records.goAhead("web", "production", {
      ...deployment,
      execution: "three",
      reason: "rollback",
      since: 40,
    });
    expect(await names()).toEqual(["production"]);
    await records.leaveLine("web", "production", "ahead", "three");
    expect(await records.closeEnvironment("web", "production")).toBe(true);
  });

  it("comes by when it is due, each kind by itself, and one that cannot be read keeps nobody from the others", async () => {
    const { records } = world;
    const wait = {
      kind: "build",
      release: "web-1",
      token: "t",
      tries: 0,
      begunAt: 0,
      subject: {},
      looks: 0,
    } as const;
    await records.openWait({ ...wait, key: "late", lookAgainAt: 300 });
    await records.openWait({ ...wait, key: "soon", lookAgainAt: 20 });
    expect((await records.allOpen()).waits().map(({ key }) => key)).toEqual(["soon", "late"]);
    const dynamo = new DynamoDBClient(world.connection.client);
    await dynamo.send(
      new UpdateItemCommand({
        TableName: world.made.table,
        Key: { pk: { S: "WAIT#soon" }, sk: { S: "WAIT" } },
        UpdateExpression: "SET looks = :looks",
        ExpressionAttributeValues: { ":looks": { S: "many" } },
      }),
    );
    const open = await records.allOpen();
    expect(open.waits).toThrow("The record WAIT#soon WAIT cannot be read");
    expect([open.releases(), open.deployments(), open.environments()]).toEqual([[], [], []]);
  });
});
