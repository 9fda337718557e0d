import * as z from "zod/mini";
import type { DynamoDb } from "../../../local/dynamodb.ts";
import type { GatewayRequest, GatewayResponse } from "../../../local/gateway.ts";
import { readJson } from "../../../local/json-body.ts";
import { AwsError } from "../../../local/service.ts";
import { compile } from "../compile.ts";
import { type ParsedCondition, parseCondition } from "./condition.ts";
import { createNames, type Names } from "./operand.ts";
import { createItems, type Items, idOf, type Keys, type Shape } from "./store.ts";
import { parseUpdate } from "./update.ts";
import { type Item, invalid, readItem, type Value } from "./value.ts";

const target = "DynamoDB_20120810";

const KeySchema = z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(["HASH", "RANGE"]) }));
const Creation = z.object({
  TableName: z.string(),
  KeySchema,
  AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.string() })),
  GlobalSecondaryIndexes: z._default(z.array(z.looseObject({ IndexName: z.string(), KeySchema })), []),
});

/** What is asked of one table. */
const Batch = z.strictObject({ Keys: z.array(z.unknown()), ConsistentRead: z.optional(z.boolean()) });
const Batches = z.record(z.string(), Batch);
compile(Batches);
const mostAtOnce = 100;

const encoder = new TextEncoder();

/** The members of a request that count here, not yet looked at. */
interface Request {
  readonly TableName?: unknown;
  readonly Key?: unknown;
  readonly RequestItems?: unknown;
  readonly Item?: unknown;
  readonly ConditionExpression?: unknown;
  readonly UpdateExpression?: unknown;
  readonly KeyConditionExpression?: unknown;
  readonly ExpressionAttributeNames?: object;
  readonly ExpressionAttributeValues?: object;
  readonly ReturnValues?: unknown;
  readonly IndexName?: unknown;
  readonly ConsistentRead?: unknown;
  readonly ExclusiveStartKey?: unknown;
  readonly Limit?: unknown;
}

/** Members that would change the answer and that nobody here sends. */
const unknownMembers = [
  "ReturnValuesOnConditionCheckFailure",
  "FilterExpression",
  "ProjectionExpression",
  "AttributesToGet",
  "ScanIndexForward",
  "Select",
  "Expected",
  "AttributeUpdates",
  "KeyConditions",
];

/** Tables in memory, into which a simulation can look. */
export interface MemoryTable extends DynamoDb {
  /** Every item of a table as it is now. */
  items(table: string): readonly Item[];
}

/**
 * DynamoDB for a simulation: tables in memory, with the operations and expressions that `aws/dynamodb-items.ts` sends;
 * the contract that it keeps with dynalite is tested. Anything else is refused by name, so that nobody relies on
 * what is not there.
 * @param later how late a change reaches the indexes; at once unless said.
 */
export function createMemoryTable(later: (apply: () => void) => void = (apply) => apply()): MemoryTable {
  const tables = new Map<string, Items>();

  const find = ({ TableName }: Request): Items => {
    const items = tables.get(String(TableName));
    if (items === undefined) throw new AwsError("ResourceNotFoundException", "Requested resource not found");
    return items;
  };

  const operations: Readonly<Record<string, (request: Request) => Uint8Array>> = {
    CreateTable(request) {
      const shape = readShape(request);
      if (tables.has(shape.name))
        throw new AwsError("ResourceInUseException", `Table already exists: ${shape.name}`);
      tables.set(shape.name, createItems(shape, later));
      return written({ TableDescription: shape.description });
    },
    DescribeTable: (request) => written({ Table: find(request).shape.description }),
    BatchGetItem({ RequestItems }) {
      const asked = Object.entries(z.parse(Batches, RequestItems));
      if (asked.length !== 1) throw invalid("The table in memory reads of one table at a time.");
      const answers = asked.map(([TableName, { Keys }]) => {
        const items = find({ TableName });
        const keys = Keys.map((Key) => keyOf(items.shape, { Key }));
        refuseMany(items.shape, keys);
        const found = keys.map((key) => items.get(key)).filter((item) => item !== undefined);
        return `${JSON.stringify(TableName)}:[${found.map(textOf).join(",")}]`;
      });
      return encoder.encode(`{"Responses":{${answers.join(",")}},"UnprocessedKeys":{}}`);
    },
    PutItem(request) {
      refuseReturns(request);
      const items = find(request);
      const item = readItem(request.Item);
      const condition = conditionOf(request);
      const names = namesOf(request, condition.references);
      requireThat(condition.holds(items.get(item) ?? {}, names));
      items.put(item);
      return nothing;
    },
    UpdateItem(request) {
      const returns = request.ReturnValues === "ALL_NEW";
      if (!returns) refuseReturns(request);
      const items = find(request);
      const key = keyOf(items.shape, request);
      const before = items.get(key);
      const condition = conditionOf(request);
      const update = parseUpdate(String(request.UpdateExpression));
      const names = namesOf(request, [...condition.references, ...update.references]);
      requireThat(condition.holds(before ?? {}, names));
      const after = update.apply(before ?? key, names);
      refuseOtherKey(items.shape, before ?? key, after);
      items.put(after);
      return returns ? encoder.encode(`{"Attributes":${textOf(after)}}`) : nothing;
    },
    Query(request) {
      const items = find(request);
      const index = request.IndexName === undefined ? undefined : String(request.IndexName);
      if (index !== undefined && request.ConsistentRead === true)
        throw invalid("Consistent reads are not supported on global secondary indexes");
      const text = String(request.KeyConditionExpression);
      const condition = parseCondition(text);
      const names = namesOf(request, condition.references);
      const { partition } = index === undefined ? items.shape : keysOf(items.shape, index);
      const found = items
        .partition(index, partitionValue(text, partition, names))
        .filter((item) => condition.holds(item, names));
      return list(found);
    },
    Scan(request) {
      const items = find(request);
      const { IndexName } = request;
      const found = IndexName === undefined ? items.all() : items.indexed(String(IndexName));
      return list(found);
    },
  };

  function call({ headers, body }: GatewayRequest): Uint8Array {
    const name = headers["x-amz-target"]?.slice(target.length + 1) ?? "";
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (operation === undefined)
      throw new AwsError("NotImplemented", `The table in memory does not implement ${name}.`, {
        status: 501,
      });
    const request: Request & Record<string, unknown> = Object(readJson(body));
    const unknown = unknownMembers.find((member) => request[member] !== undefined);
    if (unknown !== undefined || request.Limit !== undefined || request.ExclusiveStartKey !== undefined)
      throw new AwsError("NotImplemented", `The table in memory does not know ${unknown ?? "pages"}.`, {
        status: 501,
      });
    return operation(request);
  }

  return {
    served: { target, operations: Object.keys(operations) },
    accepts: ({ headers }) => headers["x-amz-target"]?.startsWith(`${target}.`) ?? false,
    handle: async (request): Promise<GatewayResponse> => ({
      status: 200,
      headers: { "content-type": "application/x-amz-json-1.0" },
      body: call(request),
    }),
    stop: async () => {},
    items: (table) => tables.get(table)?.all() ?? [],
  };
}

/** An item is never changed, only replaced, so that what is written of it once holds for each that reads it. */
const texts = new WeakMap<Item, string>();

function textOf(item: Item): string {
  const text = texts.get(item) ?? JSON.stringify(item);
  texts.set(item, text);
  return text;
}

function list(items: readonly Item[]): Uint8Array {
  const { length } = items;
  return encoder.encode(
    `{"Items":[${items.map(textOf).join(",")}],"Count":${length},"ScannedCount":${length}}`,
  );
}

function written(answer: object): Uint8Array {
  return encoder.encode(JSON.stringify(answer));
}

const nothing = written({});

function readShape(request: Request): Shape {
  const created = z.parse(Creation, request);
  const { TableName, KeySchema, AttributeDefinitions, GlobalSecondaryIndexes } = created;
  const indexes = GlobalSecondaryIndexes.map((index) => ({ ...index, IndexStatus: "ACTIVE" }));
  return {
    name: TableName,
    description: { ...created, TableStatus: "ACTIVE", GlobalSecondaryIndexes: indexes },
    ...readKeys(KeySchema),
    types: Object.fromEntries(AttributeDefinitions.map((one) => [one.AttributeName, one.AttributeType])),
    indexes: Object.fromEntries(
      GlobalSecondaryIndexes.map(({ IndexName, KeySchema }) => [IndexName, readKeys(KeySchema)]),
    ),
  };
}

function readKeys(schema: z.infer<typeof KeySchema>): Keys {
  const named = (kind: string) => schema.find(({ KeyType }) => KeyType === kind)?.AttributeName ?? "";
  return { partition: named("HASH"), sort: named("RANGE") };
}

function keysOf({ indexes }: Shape, index: string): Keys {
  const keys = indexes[index];
  if (keys === undefined) throw invalid(`The table does not have the specified index: ${index}`);
  return keys;
}

function refuseReturns({ ReturnValues }: Request): void {
  if (ReturnValues !== undefined)
    throw new AwsError("NotImplemented", "The table in memory returns all of an updated item, or nothing.", {
      status: 501,
    });
}

function refuseMany(shape: Shape, keys: readonly Item[]): void {
  if (keys.length === 0 || keys.length > mostAtOnce)
    throw invalid("Too many items requested for the BatchGetItem call");
  if (new Set(keys.map((key) => idOf(shape, key))).size < keys.length)
    throw invalid("Provided list of item keys contains duplicates");
}

function keyOf({ partition, sort }: Shape, { Key }: Request): Item {
  const key = readItem(Key);
  if (Object.keys(key).length !== 2 || key[partition] === undefined || key[sort] === undefined)
    throw invalid("The provided key element does not match the schema");
  return key;
}

function refuseOtherKey({ partition, sort }: Shape, key: Item, after: Item): void {
  for (const name of [partition, sort])
    if (after[name] !== key[name])
      throw invalid(
        `One or more parameter values were invalid: Cannot update attribute ${name}. This attribute is part of the key`,
      );
}

function namesOf(
  { ExpressionAttributeNames = {}, ExpressionAttributeValues = {} }: Request,
  references: readonly string[],
): Names {
  const names: Record<string, string> = {};
  for (const [reference, name] of Object.entries(ExpressionAttributeNames)) names[reference] = String(name);
  return createNames(names, readItem(ExpressionAttributeValues), references);
}

const always: ParsedCondition = { holds: () => true, references: [] };

function conditionOf({ ConditionExpression }: Request): ParsedCondition {
  return ConditionExpression === undefined ? always : parseCondition(String(ConditionExpression));
}

function requireThat(holds: boolean): void {
  if (!holds) throw new AwsError("ConditionalCheckFailedException", "The conditional request failed");
}

/** A query names its partition first: `pk = :pk`, and then what it wants of it. */
function partitionValue(condition: string, partition: string, names: Names): Value {
  const [, name = "", value = ""] = /^\s*(#?\w+)\s*=\s*(:\w+)/.exec(condition) ?? [];
  if (names.name(name) !== partition)
    throw invalid(`Query condition missed key schema element: ${partition}`);
  return names.value(value);
}
