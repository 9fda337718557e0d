import type { Access } from "../core/records.ts";
import type { Connection } from "./connection.ts";
import { assumeRole, type SessionCredentials } from "./sts.ts";

/** Keys are renewed when they have less than this left: more than any function runs. */
const sparedMilliseconds = 120_000;

/** Kept for as long as the connection that took the roles: in AWS, for the life of a function's process. */
const taken = new WeakMap<Connection, Map<string, Promise<SessionCredentials>>>();

/**
 * The connection by which things of an environment are reached: with the role of its account, if that is another.
 * The role is taken at the first call, and again shortly before its keys expire.
 * @param access from the environment's resources; undefined: it is in the account of `home`.
 * @throws SpillwayError, from each call over it, AccountRefused if the account does not let us in.
 */
export function connectEnvironment(home: Connection, access: Access | undefined): Connection {
  if (access === undefined) return home;
  // Without its expiration: the SDK would judge that by a clock of its own.
  const credentials = async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await sessionOf(home, access);
    return { accessKeyId, secretAccessKey, sessionToken };
  };
  return { ...home, client: { ...home.client, credentials } };
}

async function sessionOf(home: Connection, access: Access): Promise<SessionCredentials> {
  const sessions = taken.get(home) ?? new Map<string, Promise<SessionCredentials>>();
  taken.set(home, sessions);
  const key = `${access.roleArn} ${access.externalId}`;
  const kept = await sessions.get(key)?.catch(() => undefined);
  if (kept !== undefined && home.now() < kept.expiresAt - sparedMilliseconds) return kept;
  const session = assumeRole(home.client, access);
  sessions.set(key, session);
  return session;
}
