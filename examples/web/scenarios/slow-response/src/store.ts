import { setTimeout as wait } from "node:timers/promises";
import { readConnection } from "./database.ts";
import type { Link } from "./links.ts";

const REPLICATION_MILLISECONDS = 400;

/** Where links are kept. One contract suite (`test/contract/store.ts`) holds for every implementation. */
export interface LinkStore {
  /** Adds a link that nobody has followed yet; false if its code is taken. */
  add(link: Omit<Link, "hits">): Promise<boolean>;
  find(code: string): Promise<Link | undefined>;
  /** Counts one hit and gives the address; undefined for an unknown code. */
  follow(code: string): Promise<string | undefined>;
  /** The newest links, newest first. */
  latest(count: number): Promise<Link[]>;
  /** The revision of the database's schema; null while nothing has been migrated. Asks the database each time. */
  schemaRevision(): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * Opens the store `databaseUrl` names, by its scheme. A database that cannot be reached is no error, it may come back;
 * one that is not the one meant is. Throws DatabaseSettingsError, UntrustedDatabaseError.
 * @param databaseCa the authorities to trust, in PEM.
 */
export async function openStore(databaseUrl: string, databaseCa?: string): Promise<LinkStore> {
  if (databaseUrl.startsWith("sqlite:")) {
    const { openSqliteStore } = await import("./sqlite-store.ts");
    return openSqliteStore(databaseUrl.slice("sqlite:".length));
  }
  const { openPostgresStore } = await import("./postgres-store.ts");
  return readAfterReplication(await openPostgresStore(readConnection(databaseUrl, databaseCa)));
}

/** Reads wait until a replica has surely caught up. Health asks at once, and so does not notice. */
function readAfterReplication(store: LinkStore): LinkStore {
  return {
    ...store,
    find: async (code) => {
      await wait(REPLICATION_MILLISECONDS);
      return store.find(code);
    },
    follow: async (code) => {
      await wait(REPLICATION_MILLISECONDS);
      return store.follow(code);
    },
    latest: async (count) => {
      await wait(REPLICATION_MILLISECONDS);
      return store.latest(count);
    },
  };
}
