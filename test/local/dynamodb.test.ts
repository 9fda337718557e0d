import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { Level } from "level";
import { afterEach, describe, expect, it } from "vitest";
import { createVirtualClock } from "../../local/asl/virtual-clock.ts";
import { createDynamoDb } from "../../local/dynamodb.ts";
import { createGateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import { listen } from "../../local/http.ts";
import { openStore } from "../../local/store.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function start(options: { folder?: string; http?: boolean } = {}) {
  const clock = createVirtualClock();
  const world = {
    clock,
    random: () => 0.5,
    accountId: "123456789012",
    region: "eu-central-1",
    endpoint: () => "",
    folder: "",
    store: options.folder === undefined ? undefined : openStore(options.folder),
    emit: () => {},
  };
  cleanups.push(async () => world.store?.close());
  const dynamodb = await createDynamoDb(world);
  cleanups.push(() => dynamodb.stop());
  const gateway = createGateway([], { clock, random: () => 0.5, doors: [dynamodb] });
  const listening = options.http ? await listen(gateway, { port: 0 }) : undefined;
  if (listening) cleanups.push(() => listening.close());
  const client = new DynamoDBClient({
    endpoint: listening?.url ?? "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    ...(listening ? {} : { requestHandler: createRequestHandler(gateway, clock) }),
  });
  return { clock, client, documents: DynamoDBDocumentClient.from(client), stop: dynamodb.stop };
}

const createRecords = new CreateTableCommand({
  TableName: "records",
  BillingMode: "PAY_PER_REQUEST",
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "S" },
    { AttributeName: "due", AttributeType: "N" },
    { AttributeName: "kind", AttributeType: "S" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "by-kind",
      KeySchema: [
        { AttributeName: "kind", KeyType: "HASH" },
        { AttributeName: "due", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "ALL" },
    },
  ],
});

describe.each([
  ["in process", false],
  ["over HTTP", true],
])("DynamoDB %s", (_, http) => {
  it("has a table at once, with the account and region in its ARN", async () => {
    const { client } = await start({ http });
    await client.send(createRecords);
    const { Table } = await client.send(new DescribeTableCommand({ TableName: "records" }));
    expect(Table).toMatchObject({
      TableStatus: "ACTIVE",
      TableArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/records",
      GlobalSecondaryIndexes: [{ IndexStatus: "ACTIVE" }],
    });
  });

  it("lets one of many conditional writes win", async () => {
    const { client, documents } = await start({ http });
    await client.send(createRecords);
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, (_, owner) =>
        documents.send(
          new PutCommand({
            TableName: "records",
            Item: { pk: "lease", sk: "web#production", owner },
            ConditionExpression: "attribute_not_exists(pk)",
          }),
        ),
      ),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === "rejected") expect(attempt.reason.name).toBe("ConditionalCheckFailedException");
    }
  });

  it("updates under conditions, counts up, and deletes", async () => {
    const { client, documents } = await start({ http });
    await client.send(createRecords);
    const key = { TableName: "records", Key: { pk: "lease", sk: "web" } };
    const take = (owner: string, fence: number) =>
      documents.send(
        new UpdateCommand({
          ...key,
          UpdateExpression: "SET #owner = :owner ADD fence :one",
          ConditionExpression: "attribute_not_exists(#owner) OR fence = :fence",
          ExpressionAttributeNames: { "#owner": "owner" },
          ExpressionAttributeValues: { ":owner": owner, ":one": 1, ":fence": fence },
          ReturnValues: "ALL_NEW",
        }),
      );
    expect((await take("a", 0)).Attributes).toMatchObject({ owner: "a", fence: 1 });
    await expect(take("b", 7)).rejects.toMatchObject({ name: "ConditionalCheckFailedException" });
    expect((await take("c", 1)).Attributes).toMatchObject({ owner: "c", fence: 2 });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        documents.send(
          new UpdateCommand({
            ...key,
            UpdateExpression: "ADD attempts :one",
            ExpressionAttributeValues: { ":one": index >= 0 ? 1 : 0 },
          }),
        ),
      ),
    );
    expect((await documents.send(new GetCommand({ ...key, ConsistentRead: true }))).Item).toMatchObject({
      attempts: 20,
    });
    await documents.send(new DeleteCommand(key));
    expect((await documents.send(new GetCommand(key))).Item).toBeUndefined();
  });

  it("queries an index in order, in pages", async () => {
    const { client, documents } = await start({ http });
    await client.send(createRecords);
    for (const due of [5, 1, 3, 2, 4]) {
      await documents.send(
        new PutCommand({ TableName: "records", Item: { pk: `wait#${due}`, sk: "wait", kind: "wait", due } }),
      );
    }
    const query = (start?: Record<string, unknown>) =>
      documents.send(
        new QueryCommand({
          TableName: "records",
          IndexName: "by-kind",
          KeyConditionExpression: "kind = :kind AND due <= :now",
          ExpressionAttributeValues: { ":kind": "wait", ":now": 4 },
          Limit: 3,
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      );
    const first = await query();
    const second = await query(first.LastEvaluatedKey);
    expect([...(first.Items ?? []), ...(second.Items ?? [])].map(({ due }) => due)).toEqual([1, 2, 3, 4]);
    expect(second.LastEvaluatedKey).toBeUndefined();
  });

  it("names what it lacks and answers what is wrong as DynamoDB does", async () => {
    const { client, documents } = await start({ http });
    await expect(client.send(new TransactWriteItemsCommand({ TransactItems: [] }))).rejects.toMatchObject({
      name: "NotImplemented",
      message: expect.stringContaining("TransactWriteItems"),
    });
    await expect(
      documents.send(new GetCommand({ TableName: "nothing", Key: { pk: "a" } })),
    ).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(client.send(new DescribeTableCommand({ TableName: "x" }))).rejects.toMatchObject({
      name: "ValidationException",
    });
  });
});

describe("DynamoDB", () => {
  it("holds a virtual clock while it works", async () => {
    const { clock, client, documents } = await start();
    const work = client
      .send(createRecords)
      .then(() => documents.send(new PutCommand({ TableName: "records", Item: { pk: "a", sk: "b" } })))
      .then(() => clock.now());
    clock.after(1000, () => {});
    expect(await clock.runUntil(work)).toBe(0);
  });

  it("keeps its tables over a restart in a world that keeps things", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dynamodb-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const first = await start({ folder });
    await first.client.send(createRecords);
    await first.documents.send(
      new PutCommand({ TableName: "records", Item: { pk: "a", sk: "b", kept: true } }),
    );
    await first.stop();
    const second = await start({ folder });
    const found = await second.documents.send(
      new GetCommand({ TableName: "records", Key: { pk: "a", sk: "b" } }),
    );
    expect(found.Item).toMatchObject({ kept: true });
  });

  it("finds an item by its indexes again whose place a kill left unwritten, and makes a table ready", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dynamodb-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const first = await start({ folder });
    await first.client.send(createRecords);
    const item = { pk: "a", sk: "b", kind: "wait", due: 7 };
    await first.documents.send(new PutCommand({ TableName: "records", Item: item }));
    await first.stop();
    // What a kill in the middle leaves: an item without its place in the index, a table still being created.
    const level = new Level<string, object>(join(folder, "dynamodb"), { valueEncoding: "json" });
    for await (const [key, value] of level.iterator()) {
      if (key.startsWith("index-")) await level.del(key);
      if (key === "table~records") {
        await level.put("table~unfinished", { ...value, TableName: "unfinished", TableStatus: "CREATING" });
      }
    }
    await level.close();
    const second = await start({ folder });
    const found = await second.documents.send(
      new QueryCommand({
        TableName: "records",
        IndexName: "by-kind",
        KeyConditionExpression: "kind = :kind",
        ExpressionAttributeValues: { ":kind": item.kind },
      }),
    );
    expect(found.Items).toEqual([item]);
    const unfinished = await second.client.send(new DescribeTableCommand({ TableName: "unfinished" }));
    expect(unfinished.Table?.TableStatus).toBe("ACTIVE");
  });
});
