import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { createReads, type Key } from "./dynamodb-reads.ts";
import { call } from "./faults.ts";
import type { Form } from "./record-forms.ts";

/** An item of the table, by its members. */
export type Item = Readonly<Record<string, unknown>>;

/** A change of one item, if a condition holds: `map/key` is a member of a map, `undefined` removes one. */
export type Change = [
  key: Key,
  members: Readonly<Record<string, unknown>>,
  condition: string,
  values?: Record<string, unknown>,
  aliases?: Readonly<Record<string, string>>,
];

/** What is looked for among all items, or in an index. */
export interface Question {
  readonly index?: string;
  readonly condition: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What DynamoDB is given for the members of an object; none for those that are undefined. */
function attributes(members: object): Record<string, AttributeValue> {
  return marshall({ ...members }, { removeUndefinedValues: true });
}

/**
 * The items of the table named `table`: one at a time, each written only under a condition or whole. Single items that
 * are asked for together are read in one request.
 */
export function connectItems({ client }: Connection, table: string) {
  const dynamo = clientOf(DynamoDBClient, client);
  const readItem = createReads(dynamo, table);

  async function read<Recorded>(form: Form<Recorded>, key: Key): Promise<Recorded | undefined> {
    const item = await readItem(key);
    return item === undefined ? undefined : form(unmarshall(item));
  }

  /** Writes if the request's condition holds. @returns undefined if it does not. */
  async function attempt<Answer>(action: () => Promise<Answer>): Promise<Answer | undefined> {
    return call("write a record", async () => {
      try {
        return await action();
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return undefined;
        throw error;
      }
    });
  }

  /** Sets the given members of an item, leaving the rest. @returns false if the condition does not hold. */
  async function set(...change: Change): Promise<boolean> {
    return (await attempt(() => dynamo.send(new UpdateItemCommand(updateOf(...change))))) !== undefined;
  }

  /** The same. @returns the item as it is then; undefined if the condition does not hold. */
  async function change(...change: Change): Promise<Item | undefined> {
    const changed = await attempt(() =>
      dynamo.send(new UpdateItemCommand({ ...updateOf(...change), ReturnValues: "ALL_NEW" })),
    );
    return changed && unmarshall(changed.Attributes ?? {});
  }

  function updateOf(...[key, members, condition, values = {}, aliases = {}]: Change): UpdateItemCommandInput {
    const names: Record<string, string> = { ...aliases };
    const sets: string[] = [];
    const removes: string[] = [];
    const set: Record<string, unknown> = { ...values };
    for (const [index, [path, value]] of Object.entries(members).entries()) {
      const [map = "", ...key] = path.split("/");
      const place = (key.length === 0 ? [map] : [map, key.join("/")])
        .map((part, depth) => {
          names[`#m${index}_${depth}`] = part;
          return `#m${index}_${depth}`;
        })
        .join(".");
      if (value === undefined) removes.push(place);
      else {
        set[`:m${index}`] = value;
        sets.push(`${place} = :m${index}`);
      }
    }
    const expression = [
      sets.length > 0 ? `SET ${sets.join(", ")}` : "",
      removes.length > 0 ? `REMOVE ${removes.join(", ")}` : "",
    ];
    return {
      TableName: table,
      Key: attributes(key),
      UpdateExpression: expression.filter((part) => part !== "").join(" "),
      ConditionExpression: condition,
      ExpressionAttributeNames: names,
      ...(Object.keys(set).length > 0 ? { ExpressionAttributeValues: attributes(set) } : {}),
    };
  }

  /** @returns false if there is an item of that key already. */
  async function create(key: Key, item: object): Promise<boolean> {
    const created = await attempt(() =>
      dynamo.send(
        new PutItemCommand({
          TableName: table,
          Item: attributes({ ...item, ...key }),
          ConditionExpression: "attribute_not_exists(pk)",
        }),
      ),
    );
    return created !== undefined;
  }

  /** Puts an item in the place of the one with that version; 0: of none. @returns false if it has another. */
  async function replace(key: Key, item: object, version: number): Promise<boolean> {
    const replaced = await attempt(() =>
      dynamo.send(
        new PutItemCommand({
          TableName: table,
          Item: attributes({ ...item, ...key }),
          ConditionExpression: version === 0 ? "attribute_not_exists(pk)" : "version = :version",
          ...(version === 0 ? {} : { ExpressionAttributeValues: attributes({ ":version": version }) }),
        }),
      ),
    );
    return replaced !== undefined;
  }

  /** Puts an item, whatever is there. */
  async function put(key: Key, item: object): Promise<void> {
    await call("write a record", () =>
      dynamo.send(new PutItemCommand({ TableName: table, Item: attributes({ ...item, ...key }) })),
    );
  }

  /** What a question finds: consistently, unless it asks an index. */
  async function query(input: Question): Promise<Item[]> {
    const found: Item[] = [];
    let start: Record<string, AttributeValue> | undefined;
    do {
      const page = await call("query the records", () =>
        dynamo.send(
          new QueryCommand({
            TableName: table,
            ...(input.index === undefined ? { ConsistentRead: true } : { IndexName: input.index }),
            KeyConditionExpression: input.condition,
            ExpressionAttributeValues: attributes(input.values),
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        ),
      );
      found.push(...(page.Items ?? []).map((item) => unmarshall(item)));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return found;
  }

  /** Every item of the index `open`, soonest due first. */
  async function scanOpen(): Promise<Item[]> {
    const found: Item[] = [];
    let start: Record<string, AttributeValue> | undefined;
    do {
      const page = await call("list the open records", () =>
        dynamo.send(
          new ScanCommand({
            TableName: table,
            IndexName: "open",
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        ),
      );
      found.push(...(page.Items ?? []).map((item) => unmarshall(item)));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return found.sort((one, other) => Number(one.lookAgainAt) - Number(other.lookAgainAt));
  }

  return { read, query, scanOpen, set, change, create, replace, put };
}
