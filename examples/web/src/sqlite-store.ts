import { DatabaseSync } from "node:sqlite";
import { readRevisions } from "../migrate/revisions.ts";
import type { Link } from "./links.ts";
import type { LinkStore } from "./store.ts";

/**
 * A store in SQLite, for unit tests and development. It brings its file to the newest schema itself, by the same
 * migration files as PostgreSQL: they keep to the SQL both understand, or say that they are for PostgreSQL only.
 * @param file a path, or ":memory:".
 */
export async function openSqliteStore(file: string): Promise<LinkStore> {
  // The release before may still be writing to the same file while this one starts.
  const database = new DatabaseSync(file, { timeout: 5_000 });
  await migrateToHead(database);
  const columns = "SELECT code, url, created_at, hits FROM links";
  return {
    async add({ code, url, createdAt }) {
      const result = database
        .prepare("INSERT INTO links (code, url, created_at) VALUES (?, ?, ?) ON CONFLICT (code) DO NOTHING")
        .run(code, url, createdAt.toISOString());
      return Number(result.changes) === 1;
    },
    async find(code) {
      const row = database.prepare(`${columns} WHERE code = ?`).get(code);
      return row === undefined ? undefined : toLink(row);
    },
    async follow(code) {
      const row = database.prepare("UPDATE links SET hits = hits + 1 WHERE code = ? RETURNING url").get(code);
      return row === undefined ? undefined : String(row.url);
    },
    async latest(count) {
      return database.prepare(`${columns} ORDER BY created_at DESC, code LIMIT ?`).all(count).map(toLink);
    },
    async schemaRevision() {
      return currentRevision(database);
    },
    async close() {
      database.close();
    },
  };
}

async function migrateToHead(database: DatabaseSync): Promise<void> {
  const revisions = await readRevisions();
  // One writer at a time, from the question to the last revision: two that start at once must not both migrate.
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec("CREATE TABLE IF NOT EXISTS schema_migrations (revision text PRIMARY KEY)");
    const current = currentRevision(database) ?? "";
    for (const { id, up, isForPostgresOnly } of revisions.filter(({ id }) => id > current)) {
      if (!isForPostgresOnly) database.exec(up);
      database.prepare("INSERT INTO schema_migrations (revision) VALUES (?)").run(id);
    }
    database.exec("COMMIT");
  } catch (error) {
    database.close();
    throw error;
  }
}

function currentRevision(database: DatabaseSync): string | null {
  const row = database.prepare("SELECT max(revision) AS revision FROM schema_migrations").get();
  const revision = row?.revision;
  return typeof revision === "string" ? revision : null;
}

function toLink(row: Record<string, unknown>): Link {
  return {
    code: String(row.code),
    url: String(row.url),
    createdAt: new Date(String(row.created_at)),
    hits: Number(row.hits),
  };
}
