import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deserialize, serialize } from "node:v8";
import type { World } from "./world.ts";

/** Things of one kind that outlive the process. A value is plain data: no functions, no classes but Date and Uint8Array. */
export interface Kept<Value> {
  /** In the order in which the keys were first put. */
  entries(): [key: string, value: Value][];
  /** Kept before anybody can be answered, together with all else that is put without waiting in between. */
  put(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
}

/** What the local AWS keeps, so that it can go on after its process was ended, however that was. */
export interface Store {
  /** Where services keep files that must outlive the process. Absolute. */
  readonly folder: string;
  kept<Value>(name: string): Kept<Value>;
  /** From here on nothing more is kept: what a process does while it ends is not what it leaves behind. */
  close(): void;
}

/** The kept state cannot be read by this version; the message says what to do. */
export class StateFormatError extends Error {
  override readonly name = "StateFormatError";
}

/** To be raised whenever what is kept changes its shape. */
const FORMAT = 1;

/**
 * Opens the store in `folder`, an absolute path, and makes it if there is none. What was put before a kill is there
 * again; after a loss of power the last moments may be missing, but nothing is broken.
 * @throws StateFormatError if another version of the local AWS wrote it, or something else did.
 */
export function openStore(folder: string): Store {
  // Others on this machine may not look: it holds the values of secrets.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = openDatabase(join(folder, "kept.db"));
  const statements = {
    all: database.prepare("SELECT key, value FROM kept WHERE name = ? ORDER BY id"),
    put: database.prepare(
      "INSERT INTO kept (name, key, value) VALUES (?, ?, ?) ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
    ),
    delete: database.prepare("DELETE FROM kept WHERE name = ? AND key = ?"),
    clear: database.prepare("DELETE FROM kept WHERE name = ?"),
  };
  let isWriting = false;
  let isClosed = false;

  const commit = () => {
    if (isWriting) database.exec("COMMIT");
    isWriting = false;
  };
  const write = (run: () => void) => {
    if (isClosed) return;
    if (!isWriting) {
      database.exec("BEGIN");
      isWriting = true;
      // Whoever is to be answered waits for at least one more turn of this queue.
      queueMicrotask(commit);
    }
    run();
  };

  return {
    folder,
    kept<Value>(name: string): Kept<Value> {
      return {
        entries: () =>
          statements.all.all(name).map(({ key, value }): [string, Value] => {
            if (typeof key === "string" && value instanceof Uint8Array) return [key, deserialize(value)];
            throw new StateFormatError(unreadable(folder, `an entry of ${name} is damaged`));
          }),
        put: (key, value) => write(() => statements.put.run(name, key, serialize(value))),
        delete: (key) => write(() => statements.delete.run(name, key)),
        clear: () => write(() => statements.clear.run(name)),
      };
    },
    close() {
      if (isClosed) return;
      commit();
      isClosed = true;
      database.close();
    },
  };
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    const { user_version: format } = database.prepare("PRAGMA user_version").get() ?? {};
    if (format !== 0 && format !== FORMAT) {
      throw new StateFormatError(unreadable(path, `it has format ${format}, this version reads ${FORMAT}`));
    }
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    database.exec(
      "CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, UNIQUE (name, key))",
    );
    database.exec(`PRAGMA user_version = ${FORMAT}`);
    return database;
  } catch (error) {
    database.close();
    if (error instanceof StateFormatError) throw error;
    throw new StateFormatError(unreadable(path, error instanceof Error ? error.message : String(error)), {
      cause: error,
    });
  }
}

function unreadable(path: string, why: string): string {
  return `The state kept in ${path} cannot be read: ${why}. Begin anew with --fresh, which deletes it, or use the version that wrote it.`;
}

/** A part of a store, for things of which another part has its own. Whoever has the whole closes it. */
export function partOf(store: Store, name: string): Store {
  return {
    folder: join(store.folder, name),
    kept: (kind) => store.kept(`${name}/${kind}`),
    close() {},
  };
}

/** What a world without a store keeps. */
const nothing: Kept<never> = { entries: () => [], put: () => {}, delete: () => {}, clear: () => {} };

/** What a service keeps under `name`; in a world without a store, nothing. */
export function keptIn<Value>(world: Pick<World, "store">, name: string): Kept<Value> {
  return world.store?.kept<Value>(name) ?? nothing;
}

/** The folder for a service's files that must outlive the process, if anything does in this world. */
export function keptFolder({ store, folder }: Pick<World, "store" | "folder">): string {
  return store?.folder ?? folder;
}
