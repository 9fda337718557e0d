import { createHmac } from "node:crypto";
import pg from "pg";

/** What a service needs to reach its database: the value of its secret. Never log it. */
export interface DatabaseAccess {
  /** `postgres://ROLE:PASSWORD@127.0.0.1:PORT/DATABASE?sslmode=verify-full` */
  readonly url: string;
  /** The authority that signed the server's certificate, in PEM. */
  readonly ca: string;
}

/**
 * Creates the database and the one role that may connect to it, both of this name, unless they are there. The role
 * owns the database and is nothing elsewhere. Its password follows from `password`, so that it outlives a restart.
 * @param server URL of the database `postgres` as the superuser, who has `password`.
 */
export async function createOwnedDatabase(
  name: string,
  { server, password, ca }: { server: string; password: string; ca: string },
): Promise<DatabaseAccess> {
  const rolePassword = createHmac("sha256", password).update(name).digest("base64url");
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    const role = client.escapeIdentifier(name);
    const login = `LOGIN PASSWORD ${client.escapeLiteral(rolePassword)}`;
    const isKnown = await exists(client, "SELECT 1 FROM pg_roles WHERE rolname = $1", name);
    await client.query(`${isKnown ? "ALTER" : "CREATE"} ROLE ${role} ${login}`);
    if (!(await exists(client, "SELECT 1 FROM pg_database WHERE datname = $1", name))) {
      await client.query(`CREATE DATABASE ${role} OWNER ${role}`);
    }
    // PostgreSQL lets every role connect everywhere until it is told otherwise.
    await client.query(`REVOKE ALL ON DATABASE ${role} FROM PUBLIC`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.username = name;
  url.password = rolePassword;
  url.pathname = name;
  url.search = "?sslmode=verify-full";
  return { url: url.href, ca };
}

async function exists(client: pg.Client, question: string, name: string): Promise<boolean> {
  return (await client.query(question, [name])).rowCount === 1;
}
