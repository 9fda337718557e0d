import pg from "pg";
import { describeFailure, type PostgresConnection, untrusted } from "./database.ts";
import type { Link } from "./links.ts";
import { log } from "./log.ts";
import type { LinkStore } from "./store.ts";

interface LinkRow {
  code: string;
  url: string;
  created_at: Date;
  hits: number;
}

const UNDEFINED_TABLE = "42P01";

/**
 * A store in PostgreSQL. Its schema is made by the migration image, never by the service.
 * Throws UntrustedDatabaseError if a server answers that is not the one meant.
 */
export async function openPostgresStore(connection: PostgresConnection): Promise<LinkStore> {
  const pool = new pg.Pool({
    ...connection,
    application_name: "web",
    max: 5,
    connectionTimeoutMillis: 3_000,
    query_timeout: 5_000,
  });
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on("error", (error) => log("warn", "database connection lost", { error: error.message }));
  await pool.query("SELECT 1").catch(async (error: unknown) => {
    const refused = untrusted(error);
    if (refused === undefined) return log("warn", "no database yet", { reason: describeFailure(error) });
    await pool.end();
    throw refused;
  });
  return {
    async add({ code, url, createdAt }) {
      const result = await pool.query(
        "INSERT INTO links (code, url, created_at) VALUES ($1, $2, $3) ON CONFLICT (code) DO NOTHING",
        [code, url, createdAt],
      );
      return result.rowCount === 1;
    },
    async find(code) {
      const result = await pool.query<LinkRow>(
        "SELECT code, url, created_at, hits FROM links WHERE code = $1",
        [code],
      );
      return result.rows.map(toLink)[0];
    },
    async follow(code) {
      const result = await pool.query<Pick<LinkRow, "url">>(
        "UPDATE links SET hits = hits + 1 WHERE code = $1 RETURNING url",
        [code],
      );
      return result.rows[0]?.url;
    },
    async latest(count) {
      const result = await pool.query<LinkRow>(
        "SELECT code, url, created_at, hits FROM links ORDER BY created_at DESC, code LIMIT $1",
        [count],
      );
      return result.rows.map(toLink);
    },
    async schemaRevision() {
      try {
        const result = await pool.query<{ revision: string }>(
          "SELECT revision FROM schema_migrations ORDER BY revision DESC LIMIT 1",
        );
        return result.rows[0]?.revision ?? null;
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) return null;
        throw error;
      }
    },
    close: () => pool.end(),
  };
}

function toLink(row: LinkRow): Link {
  return { code: row.code, url: row.url, createdAt: row.created_at, hits: row.hits };
}
