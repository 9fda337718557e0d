import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SpillwayError } from "../core/errors.ts";
import { call } from "./faults.ts";

/** The key of an item. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

type Item = Record<string, AttributeValue>;

/** DynamoDB takes so many keys in one request. */
const mostAtOnce = 100;

/**
 * Reads items of a table, each as it is at that moment. What is asked for together, before anything is waited for,
 * goes in one request; each is read by itself, so two of them may be of two moments, as with two requests.
 * @returns what reads the item of a key; undefined if there is none.
 * @throws SpillwayError Throttled if DynamoDB reads none of what is left.
 */
export function createReads(dynamo: DynamoDBClient, table: string): (key: Key) => Promise<Item | undefined> {
  let together: { readonly keys: Map<string, Key>; readonly items: Promise<Map<string, Item>> } | undefined;

  function begin() {
    const keys = new Map<string, Key>();
    const items = Promise.resolve().then(() => {
      together = undefined;
      return readAll([...keys.values()]);
    });
    return { keys, items };
  }

  async function readAll(keys: readonly Key[]): Promise<Map<string, Item>> {
    const found = new Map<string, Item>();
    for (let first = 0; first < keys.length; first += mostAtOnce) {
      let left: Item[] = keys
        .slice(first, first + mostAtOnce)
        .map(({ pk, sk }) => ({ pk: { S: pk }, sk: { S: sk } }));
      while (left.length > 0) {
        const { items, unread } = await readSome(left);
        for (const item of items) found.set(nameOf({ pk: item.pk?.S ?? "", sk: item.sk?.S ?? "" }), item);
        if (unread.length === left.length)
          throw new SpillwayError("Throttled", "read the records: DynamoDB reads none of them now.");
        left = unread;
      }
    }
    return found;
  }

  /** DynamoDB may leave some for another request: where it is busy, or where they are too large together. */
  async function readSome(keys: Item[]): Promise<{ items: Item[]; unread: Item[] }> {
    const { Responses, UnprocessedKeys } = await call("read the records", () =>
      dynamo.send(
        new BatchGetItemCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
      ),
    );
    return { items: Responses?.[table] ?? [], unread: UnprocessedKeys?.[table]?.Keys ?? [] };
  }

  return async (key) => {
    together ??= begin();
    const { keys, items } = together;
    keys.set(nameOf(key), key);
    return (await items).get(nameOf(key));
  };
}

function nameOf({ pk, sk }: Key): string {
  return JSON.stringify([pk, sk]);
}
