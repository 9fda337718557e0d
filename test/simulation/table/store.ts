import { compare, type Item, invalid, type Value } from "./value.ts";

/** The names of a table's or an index's key attributes. */
export interface Keys {
  readonly partition: string;
  readonly sort: string;
}

/** A table as it was created. */
export interface Shape extends Keys {
  readonly name: string;
  /** Attribute → S or N. */
  readonly types: Readonly<Record<string, string>>;
  readonly indexes: Readonly<Record<string, Keys>>;
  /** What it was created with, as a client sees it described. */
  readonly description: object;
}

type Partitions = Map<string, Map<string, Item>>;

/** Items by key, and by the keys of the indexes that hold them. */
export interface Items {
  readonly shape: Shape;
  get(key: Item): Item | undefined;
  put(item: Item): void;
  /** All items of a partition, of the table or of an index, by sort key and then by the table's own key. */
  partition(index: string | undefined, value: Value): Item[];
  all(): Item[];
  /** Every item that an index holds, by partition, in no order. */
  indexed(index: string): Item[];
}

/** @param later applies a change to the indexes: at once, or as late as an index of DynamoDB's may be. */
export function createItems(shape: Shape, later: (apply: () => void) => void): Items {
  const items = new Map<string, Item>();
  const keys = [shape, ...Object.values(shape.indexes)].flatMap(({ partition, sort }) => [partition, sort]);
  const places: [Keys, Partitions][] = [[shape, new Map()]];
  const indexes = new Map<string, [Keys, Partitions]>();
  /** What the indexes hold of each item: a change that comes after a later one is too late. */
  const indexed = new Map<string, { version: number; item: Item }>();
  let versions = 0;
  for (const [name, keys] of Object.entries(shape.indexes)) indexes.set(name, [keys, new Map()]);

  function move([keys, partitions]: [Keys, Partitions], id: string, before: Item | undefined, after: Item) {
    const [left, entered] = [before?.[keys.partition], after[keys.partition]];
    if (left !== undefined) partitions.get(textOf(left))?.delete(id);
    if (entered === undefined || after[keys.sort] === undefined) return;
    const partition = partitions.get(textOf(entered)) ?? new Map<string, Item>();
    partitions.set(textOf(entered), partition);
    partition.set(id, after);
  }

  return {
    shape,
    get: (key) => items.get(idOf(shape, key)),
    put(item) {
      requireTypes(shape, keys, item);
      const id = idOf(shape, item);
      const before = items.get(id);
      items.set(id, item);
      for (const place of places) move(place, id, before, item);
      const version = ++versions;
      later(() => {
        const known = indexed.get(id);
        if (known !== undefined && known.version > version) return;
        indexed.set(id, { version, item });
        for (const place of indexes.values()) move(place, id, known?.item, item);
      });
    },
    partition(index, value) {
      const place = index === undefined ? places[0] : indexes.get(index);
      if (place === undefined) throw invalid(`The table does not have the specified index: ${index}`);
      const [keys, partitions] = place;
      const order = (one: Item, other: Item) => compare(one[keys.sort], other[keys.sort]) || 0;
      const byOwnKey = (one: Item, other: Item) => (idOf(shape, one) < idOf(shape, other) ? -1 : 1);
      return [...(partitions.get(textOf(value))?.values() ?? [])].sort(
        (one, other) => order(one, other) || byOwnKey(one, other),
      );
    },
    all: () => [...items.values()],
    indexed(index) {
      const [, partitions] = indexes.get(index) ?? [];
      if (partitions === undefined) throw invalid(`The table does not have the specified index: ${index}`);
      return [...partitions.values()].flatMap((partition) => [...partition.values()]);
    },
  };
}

/** What tells a key's value from the others of its type, which all have. */
function textOf(value: Value | undefined): string {
  return value !== undefined && "S" in value ? value.S : JSON.stringify(value);
}

/** What tells an item's key from all others; in the order of the keys. */
export function idOf({ partition, sort }: Keys, item: Item): string {
  return `${textOf(item[partition])}\0${textOf(item[sort])}`;
}

/** @throws AwsError ValidationException if a key attribute is missing, empty or of another type. */
function requireTypes({ partition, sort, types }: Shape, keys: readonly string[], item: Item): void {
  for (const name of [partition, sort])
    if (item[name] === undefined)
      throw invalid(`One or more parameter values were invalid: Missing the key ${name} in the item`);
  for (const name of keys) {
    const value = item[name];
    if (value === undefined) continue;
    const [[type, content] = []] = Object.entries(value);
    if (type !== types[name])
      throw invalid(
        `One or more parameter values were invalid: Type mismatch for key ${name} expected: ${types[name]} actual: ${type}`,
      );
    if (content === "")
      throw invalid(
        `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: ${name}`,
      );
  }
}
