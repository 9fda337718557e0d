import type { Access } from "../core/records.ts";
import type { Connection, Credentials } from "./connection.ts";
import { assumeRole, type SessionCredentials } from "./sts.ts";

/** Keys are renewed when they have less than this left: more than any function runs, and as long as the SDK says. */
const sparedMilliseconds = 300_000;

/** Kept for as long as the connection that takes the roles: in AWS, for the life of a function's process. */
const entered = new WeakMap<Connection, Map<string, Connection>>();

/**
 * The connection by which things of an environment are reached: with the role of its account, if that is another.
 * The role is taken at the first call, and again shortly before its keys expire.
 * @param access from the environment's resources; undefined: it is in the account of `home`.
 * @throws SpillwayError, from each call over it, AccountRefused if the account does not let us in.
 */
export function connectEnvironment(home: Connection, access: Access | undefined): Connection {
  if (access === undefined) return home;
  const connections = entered.get(home) ?? new Map<string, Connection>();
  entered.set(home, connections);
  const key = `${access.roleArn} ${access.externalId}`;
  const known = connections.get(key);
  if (known !== undefined) return known;
  // A signer of home's own would sign with what home has.
  const { signer: _, ...client } = home.client;
  const connection = { ...home, client: { ...client, credentials: credentialsOf(home, access) } };
  connections.set(key, connection);
  return connection;
}

function credentialsOf(home: Connection, access: Access): () => Promise<Credentials & { expiration: Date }> {
  let taken: Promise<SessionCredentials> | undefined;
  const isFresh = ({ expiresAt }: SessionCredentials) => home.now() < expiresAt - sparedMilliseconds;
  const renew = () => {
    taken = assumeRole(home.client, access);
    return taken;
  };
  return async () => {
    const kept = await taken?.catch(() => undefined);
    const { expiresAt, ...keys } = kept !== undefined && isFresh(kept) ? kept : await renew();
    return { ...keys, expiration: new Date(expiresAt) };
  };
}
