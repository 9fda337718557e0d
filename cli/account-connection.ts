import type { Connection } from "../aws/connection.ts";
import type { Access } from "../core/records.ts";

/**
 * The connection by which the person at this laptop reaches what is in the account of an environment. Its role lets in
 * only functions of the installation; a person administers every account of the local AWS, whose number is the key.
 * @param access from the environment's resources; undefined: it is in the installation's own account.
 */
export function connectAccount(connection: Connection, access: Access | undefined): Connection {
  const accessKeyId = access?.roleArn.split(":")[4];
  if (accessKeyId === undefined) return connection;
  const credentials = { accessKeyId, secretAccessKey: "local" };
  return { ...connection, client: { ...connection.client, credentials } };
}
