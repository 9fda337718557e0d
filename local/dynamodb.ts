import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Door, GatewayRequest, GatewayResponse } from "./gateway.ts";
import { AwsError } from "./service.ts";
import type { World } from "./world.ts";

const TARGET = "DynamoDB_20120810.";
/** What dynalite implements. It has no transactions, no time to live, no streams and no backups. */
const OPERATIONS = [
  "BatchGetItem",
  "BatchWriteItem",
  "CreateTable",
  "DeleteItem",
  "DeleteTable",
  "DescribeTable",
  "DescribeTimeToLive",
  "GetItem",
  "ListTables",
  "ListTagsOfResource",
  "PutItem",
  "Query",
  "Scan",
  "TagResource",
  "UntagResource",
  "UpdateItem",
  "UpdateTable",
] as const;
/** After these the table changes its state a moment later; it is waited for, so that no caller has to. */
const CHANGES_TABLE: ReadonlySet<string> = new Set(["CreateTable", "UpdateTable", "DeleteTable"]);

/** Far more turns than dynalite takes; beyond them the caller sees the state that the table is in. */
const TURNS_LIMIT = 100_000;

/** DynamoDB behind the gateway. */
export interface DynamoDb extends Door {
  /** Waits for what is under way and closes the database. */
  stop(): Promise<void>;
}

/**
 * Makes DynamoDB out of dynalite's own database and actions, called in process and not over its HTTP server,
 * which would need a socket and end the whole process on an error of its own. Tables are kept on disk in a world
 * that keeps things, and in memory in any other.
 */
export async function createDynamoDb(world: World): Promise<DynamoDb> {
  const path = world.store === undefined ? undefined : join(world.store.folder, "dynamodb");
  if (path) await mkdir(path, { recursive: true });
  const dynalite = loadDynalite();
  const store = dynalite.open(path);
  store.tableDb.awsAccountId = world.accountId;
  store.tableDb.awsRegion = world.region;
  if (path) await repair(dynalite, store);

  const call = async (operation: string, body: Uint8Array): Promise<GatewayResponse> => {
    const input = check(dynalite, operation, parse(body), store);
    const output = await dynalite.run(operation, input, store);
    if (CHANGES_TABLE.has(operation)) await untilSettled(dynalite, store, String(Object(input).TableName));
    return answer(200, output);
  };

  const handle = async (request: GatewayRequest): Promise<GatewayResponse> => {
    const operation = request.headers["x-amz-target"]?.slice(TARGET.length) ?? "";
    if (!OPERATIONS.some((name) => name === operation)) {
      const message = `The local AWS does not implement ${operation} of DynamoDB. It implements ${OPERATIONS.join(", ")}.`;
      throw new AwsError("NotImplemented", message, { status: 501 });
    }
    try {
      return await world.clock.busy(call(operation, request.body), `DynamoDB ${operation}`);
    } catch (error) {
      if (isRefusal(error)) return answer(error.statusCode, error.body);
      throw error;
    }
  };

  return {
    served: { target: TARGET.slice(0, -1), operations: OPERATIONS },
    accepts: (request) => request.headers["x-amz-target"]?.startsWith(TARGET) ?? false,
    handle,
    stop: () => world.clock.busy(dynalite.close(store), "closing DynamoDB"),
  };
}

function parse(body: Uint8Array): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new AwsError("SerializationException", "The body is not JSON in UTF-8; send one JSON object.");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new AwsError("SerializationException", "The body is JSON but not an object; send one JSON object.");
}

/** Checks an input. What dynalite stumbles over, because its checks did not think of it, is refused as well. */
function check(dynalite: Dynalite, operation: string, input: object, store: Store): unknown {
  try {
    return dynalite.check(operation, input, store);
  } catch (error) {
    if (isRefusal(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AwsError("SerializationException", `The input is not what ${operation} takes: ${reason}`);
  }
}

function answer(status: number, value: unknown): GatewayResponse {
  const body = new TextEncoder().encode(JSON.stringify(value ?? {}));
  return { status, headers: { "content-type": "application/x-amz-json-1.0" }, body };
}

/** How dynalite refuses a request: with the status and the body that DynamoDB would answer. */
interface Refusal {
  readonly statusCode: number;
  readonly body: unknown;
}

function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" && "body" in error
  );
}

/** A table is ACTIVE, or gone, some turns of the event loop after it was created or deleted. */
async function untilSettled(dynalite: Dynalite, store: Store, tableName: string): Promise<void> {
  for (let turn = 0; turn < TURNS_LIMIT; turn++) {
    await nextTurn();
    try {
      const described = await dynalite.run("DescribeTable", { TableName: tableName }, store);
      const { TableStatus, GlobalSecondaryIndexes = [] } = Object(Object(described).Table);
      const statuses: unknown[] = [
        TableStatus,
        ...GlobalSecondaryIndexes.map((index: unknown) => Object(index).IndexStatus),
      ];
      if (statuses.every((status) => status === "ACTIVE")) return;
    } catch (error) {
      if (isRefusal(error)) return;
      throw error;
    }
  }
}

/**
 * Makes whole what a kill may have left half done: dynalite writes a table's creation in two steps, and an item
 * apart from its places in the indexes.
 */
async function repair(dynalite: Dynalite, store: Store): Promise<void> {
  for (const table of await dynalite.tables(store)) {
    if (table.TableStatus === "CREATING") {
      await dynalite.activate(store, table);
      continue;
    }
    for (const { IndexName } of table.GlobalSecondaryIndexes ?? [])
      await dynalite.emptyIndex(store, table.TableName, IndexName);
    for (const item of await dynalite.items(store, table.TableName))
      await dynalite.indexItem(store, table, item);
  }
}

/** A table as dynalite describes it. */
interface Table {
  readonly TableName: string;
  readonly TableStatus: string;
  readonly GlobalSecondaryIndexes?: readonly { readonly IndexName: string; readonly IndexStatus: string }[];
}

type Done<Output> = (error: unknown, output: Output) => void;

/** A part of dynalite's database: keys with values of one kind. */
interface Part<Value> {
  put(key: string, value: Value, done: Done<void>): void;
  createValueStream(): AsyncIterable<Value>;
}

/** The parts of dynalite's store that are used here. */
interface Store {
  readonly tableDb: { awsAccountId: string; awsRegion: string } & Part<Table>;
  getItemDb(tableName: string): Part<object>;
  deleteIndexDb(type: "Global", tableName: string, indexName: string, done: Done<void>): void;
  readonly db: { close(callback: (error: unknown) => void): void };
}

/** What is used of dynalite. */
interface Dynalite {
  /** Opens the database in a folder, or in memory. */
  open(path: string | undefined): Store;
  /** Checks the input of an operation and returns it in normal form; throws a Refusal. */
  check(operation: string, input: unknown, store: Store): unknown;
  /** Rejects with a Refusal. */
  run(operation: string, input: unknown, store: Store): Promise<unknown>;
  close(store: Store): Promise<void>;
  tables(store: Store): Promise<Table[]>;
  items(store: Store, tableName: string): Promise<object[]>;
  activate(store: Store, table: Table): Promise<void>;
  emptyIndex(store: Store, tableName: string, indexName: string): Promise<void>;
  /** Gives an item its places in the table's indexes. */
  indexItem(store: Store, table: Table, item: object): Promise<void>;
}

type Action = (store: Store, input: unknown, done: (error: unknown, output: unknown) => void) => void;

/**
 * Loads dynalite's parts. They have no types and are not documented, so the version is pinned; what they are is
 * written down here and nowhere else (dynalite 4.0.0, `index.js`, `httpHandler`).
 */
function loadDynalite(): Dynalite {
  const load = createRequire(import.meta.url);
  const database: {
    create(options: Record<string, unknown>): Store;
    updateIndexes(store: Store, table: Table, before: undefined, item: object, done: Done<void>): void;
  } = load("dynalite/db");
  const validations: {
    checkTypes(input: unknown, types: unknown): unknown;
    checkValidations(input: unknown, types: unknown, custom: unknown, store: Store): void;
  } = load("dynalite/validations");
  const actions = new Map<string, Action>();
  const rules = new Map<string, { types: unknown; custom: unknown }>();
  for (const operation of OPERATIONS) {
    const file = `${operation.charAt(0).toLowerCase()}${operation.slice(1)}`;
    actions.set(operation, load(`dynalite/actions/${file}`));
    rules.set(operation, load(`dynalite/validations/${file}`));
  }

  return {
    open: (path) => database.create({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }),
    check: (operation, input, store) => {
      const rule = rules.get(operation);
      const checked = validations.checkTypes(input, rule?.types);
      validations.checkValidations(checked, rule?.types, rule?.custom, store);
      return checked;
    },
    run: (operation, input, store) =>
      new Promise((resolve, reject) => {
        actions.get(operation)?.(store, input, (error, output) => (error ? reject(error) : resolve(output)));
      }),
    tables: (store) => all(store.tableDb.createValueStream()),
    items: (store, tableName) => all(store.getItemDb(tableName).createValueStream()),
    activate: (store, table) =>
      finished((done) => {
        const indexes = table.GlobalSecondaryIndexes?.map((index) => ({ ...index, IndexStatus: "ACTIVE" }));
        const active = {
          ...table,
          TableStatus: "ACTIVE",
          ...(indexes && { GlobalSecondaryIndexes: indexes }),
        };
        store.tableDb.put(table.TableName, active, done);
      }),
    emptyIndex: (store, tableName, indexName) =>
      finished((done) => store.deleteIndexDb("Global", tableName, indexName, done)),
    indexItem: (store, table, item) =>
      finished((done) => database.updateIndexes(store, table, undefined, item, done)),
    close: (store) =>
      new Promise((resolve, reject) => {
        store.db.close((error) => (error ? reject(error) : resolve()));
      }),
  };
}

function finished(start: (done: Done<void>) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}
