import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { tableShape } from "../../infra/application.ts";
import { createVirtualClock } from "../../local/asl/index.ts";
import { createDynamoDb, type DynamoDb } from "../../local/dynamodb.ts";
import { createGateway } from "../../local/gateway.ts";
import { createMemoryTable } from "./table/memory-table.ts";

const clock = createVirtualClock();
const world = {
  clock,
  random: () => 0.5,
  accountId: "000000000000",
  region: "us-east-1",
  endpoint: () => "",
  folder: "",
  emit: () => {},
};

/** What a table answers: the name of its refusal, or the members that callers read. */
type Answer = { refused: string } | { Attributes?: object; Items?: object[] };
type Send = (operation: string, input: object) => Promise<Answer>;

const open: DynamoDb[] = [];
afterEach(async () => {
  for (const table of open.splice(0)) await table.stop();
});

async function start(table: DynamoDb): Promise<Send> {
  open.push(table);
  const gateway = createGateway([], { clock, random: () => 0.5, doors: [table] });
  const send: Send = async (operation, input) => {
    const { status, body } = await gateway.handle({
      method: "POST",
      path: "/",
      query: {},
      headers: { "x-amz-target": `DynamoDB_20120810.${operation}` },
      body: new TextEncoder().encode(JSON.stringify({ TableName: "records", ...input })),
    });
    const answer = JSON.parse(new TextDecoder().decode(body));
    if (status !== 200) return { refused: String(answer.__type).replace(/^.*#/, "") };
    const { Attributes, Items = answer.Responses?.records } = answer;
    return { ...(Attributes && { Attributes }), ...(Items && { Items }) };
  };
  const { keys, attributes, indexes } = tableShape;
  const schema = ({ partition, sort }: { partition: string; sort: string }) => [
    { AttributeName: partition, KeyType: "HASH" },
    { AttributeName: sort, KeyType: "RANGE" },
  ];
  await send("CreateTable", {
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: schema(keys),
    AttributeDefinitions: Object.entries(attributes).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    GlobalSecondaryIndexes: Object.entries(indexes).map(([IndexName, index]) => ({
      IndexName,
      KeySchema: schema(index),
      Projection: { ProjectionType: "ALL" },
    })),
  });
  return send;
}

const tables: [name: string, make: () => Promise<DynamoDb>][] = [
  ["dynalite", () => createDynamoDb(world)],
  ["the table in memory", async () => createMemoryTable()],
];

const key = { pk: { S: "SERVICE#web" }, sk: { S: "ENVIRONMENT#production" } };
const refusal = { refused: "ValidationException" };
const read = (...Keys: readonly object[]) => ({ RequestItems: { records: { Keys, ConsistentRead: true } } });

describe.each(tables)("%s keeps the contract of the records", (_name, make) => {
  it("creates an item once, and gives back what was put", async () => {
    const send = await start(await make());
    const item = { ...key, fence: { N: "1" }, lease: { M: { owner: { S: "a" }, fence: { N: "1" } } } };
    const create = { Item: item, ConditionExpression: "attribute_not_exists(pk)" };
    expect(await send("BatchGetItem", read(key))).toEqual({ Items: [] });
    expect(await send("PutItem", create)).toEqual({});
    expect(await send("PutItem", create)).toEqual({ refused: "ConditionalCheckFailedException" });
    expect(await send("BatchGetItem", read(key))).toEqual({ Items: [item] });
  });

  it("changes members of a map, and removes them, if the condition holds", async () => {
    const send = await start(await make());
    const update = (change: object) =>
      send("UpdateItem", {
        Key: key,
        UpdateExpression: "SET #a.#b = :v, fence = :next REMOVE #gone",
        ConditionExpression: "attribute_not_exists(fence) OR fence = :before",
        ExpressionAttributeNames: { "#a": "evidence", "#b": "unit-tests", "#gone": "openKind" },
        ExpressionAttributeValues: { ":v": { S: "x" }, ":next": { N: "8" }, ":before": { N: "7" } },
        ...change,
      });
    expect(await update({})).toEqual(refusal);
    await send("PutItem", {
      Item: { ...key, evidence: { M: {} }, fence: { N: "7" }, openKind: { S: "release" } },
    });
    expect(await update({})).toEqual({});
    expect(await update({})).toEqual({ refused: "ConditionalCheckFailedException" });
    const after = { ...key, evidence: { M: { "unit-tests": { S: "x" } } }, fence: { N: "8" } };
    expect(await send("BatchGetItem", read(key))).toEqual({ Items: [after] });
    expect(
      await send("UpdateItem", { Key: key, UpdateExpression: "REMOVE evidence", ReturnValues: "ALL_NEW" }),
    ).toEqual({ Attributes: { ...key, fence: { N: "8" } } });
  });

  it("finds in an index what has its keys, in their order, and forgets what has not", async () => {
    const send = await start(await make());
    const wait = (name: string, lookAgainAt: number) => ({
      pk: { S: `WAIT#${name}` },
      sk: { S: "WAIT" },
      openKind: { S: "wait" },
      lookAgainAt: { N: String(lookAgainAt) },
    });
    for (const [name, at] of Object.entries({ c: 300, a: 100, b: 20 }))
      await send("PutItem", { Item: wait(name, at) });
    const overdue = () =>
      send("Query", {
        IndexName: "open",
        KeyConditionExpression: "openKind = :kind AND lookAgainAt <= :now",
        ExpressionAttributeValues: { ":kind": { S: "wait" }, ":now": { N: "100" } },
      });
    expect(await overdue()).toEqual({ Items: [wait("b", 20), wait("a", 100)] });
    const { pk, sk } = wait("b", 20);
    await send("UpdateItem", { Key: { pk, sk }, UpdateExpression: "REMOVE openKind" });
    expect(await overdue()).toEqual({ Items: [wait("a", 100)] });
    await send("PutItem", { Item: { ...key, lookAgainAt: { N: "5" } } });
    const all = { Items: [wait("a", 100), wait("c", 300)] };
    expect(sorted(await send("Scan", { IndexName: "open" }))).toEqual(sorted(all));
    expect(await send("Scan", { IndexName: "other" })).toEqual(refusal);
  });

  it("finds items of a partition by the beginning of their sort keys", async () => {
    const send = await start(await make());
    for (const sk of ["RELEASE", "DEPLOYMENT#staging#0001", "DEPLOYMENT#production#0001"])
      await send("PutItem", { Item: { pk: { S: "RELEASE#a" }, sk: { S: sk } } });
    const query = { KeyConditionExpression: "pk = :pk AND begins_with(sk, :sk)" };
    const values = { ":pk": { S: "RELEASE#a" }, ":sk": { S: "DEPLOYMENT#" } };
    expect(
      await send("Query", { ...query, ExpressionAttributeValues: values, ConsistentRead: true }),
    ).toEqual({
      Items: ["DEPLOYMENT#production#0001", "DEPLOYMENT#staging#0001"].map((sk) => ({
        pk: { S: "RELEASE#a" },
        sk: { S: sk },
      })),
    });
  });

  it("reads up to a hundred items at once, none of them twice", async () => {
    const send = await start(await make());
    const keys = (count: number) =>
      Array.from({ length: count }, (_, nth) => ({ pk: { S: "RELEASE#a" }, sk: { S: String(nth) } }));
    for (const item of keys(3)) await send("PutItem", { Item: item });
    expect(sorted(await send("BatchGetItem", read(...keys(100))))).toEqual({ Items: keys(3) });
    expect(await send("BatchGetItem", read(...keys(101)))).toEqual(refusal);
    expect(await send("BatchGetItem", read())).toEqual(refusal);
    expect(await send("BatchGetItem", read(key, ...keys(2), key))).toEqual(refusal);
  });

  it.each([
    ["a value that is not used", "UpdateItem", { ":a": { S: "x" }, ":b": { S: "y" } }, "SET note = :a"],
    ["a value that is not defined", "UpdateItem", { ":a": { S: "x" } }, "SET note = :a, reason = :b"],
    ["an update of the key", "UpdateItem", { ":a": { S: "x" } }, "SET sk = :a"],
    ["two changes of one place", "UpdateItem", { ":a": { S: "x" } }, "SET lease.fence = :a REMOVE lease"],
    ["an index key of another type", "UpdateItem", { ":a": { S: "x" } }, "SET lookAgainAt = :a"],
    ["a word of DynamoDB's own", "UpdateItem", { ":a": { S: "x" } }, "SET rollback = :a"],
    ["a word of DynamoDB's own in a path", "UpdateItem", { ":a": { S: "x" } }, "SET lease.name = :a"],
    ["words that are no expression", "UpdateItem", { ":a": { S: "x" } }, "SET note := :a"],
  ])("refuses %s", async (_what, operation, values, expression) => {
    const send = await start(await make());
    await send("PutItem", { Item: { ...key, lease: { M: { owner: { S: "a" } } } } });
    expect(
      await send(operation, {
        Key: key,
        UpdateExpression: expression,
        ExpressionAttributeValues: values,
      }),
    ).toEqual(refusal);
  });

  it("refuses a consistent read of an index, a key that is not whole, and a table that is not there", async () => {
    const send = await start(await make());
    const query = {
      KeyConditionExpression: "openKind = :kind",
      ExpressionAttributeValues: { ":kind": { S: "wait" } },
    };
    expect(await send("Query", { ...query, IndexName: "open", ConsistentRead: true })).toEqual(refusal);
    expect(await send("BatchGetItem", read({ pk: { S: "a" } }))).toEqual(refusal);
    expect(await send("BatchGetItem", { RequestItems: { other: { Keys: [key] } } })).toEqual({
      refused: "ResourceNotFoundException",
    });
  });
});

describe("dynalite and the table in memory", () => {
  it("answer alike, whatever is asked of them in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(requests(), { minLength: 1, maxLength: 25 }), async (asked) => {
        const [real, memory] = await Promise.all(tables.map(async ([, make]) => start(await make())));
        for (const [operation, input] of asked) {
          const [expected, came] = [await real?.(operation, input), await memory?.(operation, input)];
          expect(sorted(came), JSON.stringify([operation, input])).toEqual(sorted(expected));
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** Items of an index with the same sort key come in no certain order. */
function sorted(answer: Answer | undefined): Answer | undefined {
  if (answer === undefined || !("Items" in answer) || answer.Items === undefined) return answer;
  return {
    Items: answer.Items.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
  };
}

/** Requests of every form that `aws/dynamodb-items.ts` sends, about few enough items that they meet. */
function requests(): fc.Arbitrary<[operation: string, input: object]> {
  const Key = fc.record({
    pk: fc.constantFrom("a", "b").map((S) => ({ S })),
    sk: fc.constantFrom("x", "xy", "z").map((S) => ({ S })),
  });
  const number = fc.integer({ min: 0, max: 3 }).map((N) => ({ N: String(N) }));
  const text = fc.constantFrom("wait", "release").map((S) => ({ S }));
  const any = fc.oneof(
    number,
    text,
    fc.constant({ NULL: true }),
    fc.record({ M: fc.dictionary(fc.constantFrom("fence", "owner"), number, { maxKeys: 2 }) }),
    fc.record({ L: fc.array(number, { maxLength: 2 }) }),
  );
  const put = fc
    .tuple(
      Key,
      fc.record({ openKind: text, lookAgainAt: number, lease: any, awaitedArn: text }, { requiredKeys: [] }),
      fc.option(fc.constant("attribute_not_exists(pk)"), { nil: undefined }),
    )
    .map(
      ([key, rest, ConditionExpression]) =>
        ["PutItem", { Item: { ...key, ...rest }, ConditionExpression }] as const,
    );
  const condition = fc.constantFrom(
    "attribute_exists(pk)",
    "attribute_not_exists(pk) OR #n0 = :c",
    "attribute_exists(pk) AND attribute_not_exists(#n0)",
    "#n0.fence = :c",
    "#n0 <> :c AND NOT #n0 > :c",
    "#n0 BETWEEN :c AND :c",
  );
  const path = fc.constantFrom("openKind", "lookAgainAt", "lease", "lease/fence", "awaitedArn", "note");
  const update = fc
    .tuple(
      Key,
      path,
      fc.option(fc.tuple(any, text, number), { nil: undefined }),
      condition,
      path,
      number,
      fc.constantFrom("ALL_NEW", undefined),
    )
    .map(([key, place, drawn, ConditionExpression, other, compared, ReturnValues]) => {
      // What an index is by has the type of its keys; what comes first of two faults is not in the contract.
      const [free, word, count] = drawn ?? [];
      const value = place === "lookAgainAt" ? count : /openKind|awaited/.test(place) ? word : free;
      const names: Record<string, string> = {};
      const written = place.split("/").map((part, depth) => {
        names[`#m${depth}`] = part;
        return `#m${depth}`;
      });
      if (ConditionExpression.includes("#n0")) names["#n0"] = other.split("/")[0] ?? "";
      const values: Record<string, object> = {};
      if (value !== undefined) values[":m"] = value;
      if (ConditionExpression.includes(":c")) values[":c"] = compared;
      return [
        "UpdateItem",
        {
          Key: key,
          UpdateExpression:
            value === undefined ? `REMOVE ${written.join(".")}` : `SET ${written.join(".")} = :m`,
          ConditionExpression,
          ReturnValues,
          ExpressionAttributeNames: names,
          ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
        },
      ] as const;
    });
  const get = fc
    .array(Key, { minLength: 1, maxLength: 4 })
    .map((keys) => ["BatchGetItem", read(...keys)] as const);
  const query = fc.constantFrom(
    ["pk = :a AND begins_with(sk, :b)", { ":a": { S: "a" }, ":b": { S: "x" } }, undefined] as const,
    ["openKind = :a", { ":a": { S: "wait" } }, "open"] as const,
    ["openKind = :a AND lookAgainAt <= :b", { ":a": { S: "wait" }, ":b": { N: "1" } }, "open"] as const,
    ["awaitedArn = :a", { ":a": { S: "wait" } }, "awaited"] as const,
  );
  const list = query.map(
    ([KeyConditionExpression, ExpressionAttributeValues, IndexName]) =>
      ["Query", { KeyConditionExpression, ExpressionAttributeValues, IndexName }] as const,
  );
  const scan = fc
    .constantFrom("open", "awaited", undefined)
    .map((IndexName) => ["Scan", { IndexName }] as const);
  return fc
    .oneof({ weight: 3, arbitrary: put }, { weight: 6, arbitrary: update }, get, list, scan)
    .map(([operation, input]) => [operation, input]);
}
