import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database of one test's own on the server that `run.ts` provides in TEST_DATABASE_URL. */
export interface TestDatabase {
  readonly url: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** Creates an empty database. Throws if the tests were not started by `npm run test:integration`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env.TEST_DATABASE_URL;
  if (!server)
    throw new Error("TEST_DATABASE_URL is not set; start the tests with npm run test:integration.");
  const name = `web_${randomBytes(6).toString("hex")}`;
  await queryOnce(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = name;
  return {
    url: url.href,
    query: (sql) => queryOnce(url.href, sql),
    drop: async () => {
      await queryOnce(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function queryOnce(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
