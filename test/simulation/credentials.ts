import type { Connection, Credentials } from "../../aws/connection.ts";
import type { Iam } from "../../local/iam/index.ts";

/**
 * A connection with a role's own credentials. Its requests say whose they are and are not signed: nobody between here
 * and the services could forge one, and the local AWS looks at nothing else.
 */
export function connectInRole(
  { client, ...connection }: Connection,
  iam: Iam,
  session: { readonly roleArn: string; readonly sessionName: string },
): Connection {
  const { expiresAt: _, ...credentials } = iam.mint(session);
  return { ...connection, client: { ...client, credentials, signer: { sign: sign(credentials) } } };
}

/**
 * A connection that many share: each request is of whoever makes it at that moment. A role's clients of its own would
 * be as good, but a client is slow to make, and few worlds ask each more than a handful of times.
 * @param keys of whoever runs now.
 */
export function connectAsWhoRuns({ client, ...connection }: Connection, keys: () => Credentials): Connection {
  // The SDK would keep the first keys that it is given, unless it believes that this is done already.
  const credentials = Object.assign(async () => keys(), { memoized: true });
  const signer = { sign: <Request>(request: Request) => sign(keys())(request) };
  return { ...connection, client: { ...client, credentials, signer } };
}

/** A connection of the administrator of an account. */
export function connectAsAdministrator({ client, ...connection }: Connection, accountId: string): Connection {
  const credentials = { accessKeyId: accountId, secretAccessKey: "local" };
  return { ...connection, client: { ...client, credentials, signer: { sign: sign(credentials) } } };
}

function sign({ accessKeyId, sessionToken }: Partial<Credentials>) {
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/us-east-1/any/aws4_request`,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  };
  return async <Request>(request: Request): Promise<Request> => {
    if (typeof request === "object" && request !== null && "headers" in request)
      Object.assign(Object(request.headers), headers);
    return request;
  };
}
