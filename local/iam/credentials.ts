import type { Clock, Random } from "../asl/clock.ts";
import { AwsError } from "../service.ts";
import { type Caller, callerInRole, personOf } from "./caller.ts";

/** Keys of a role's session, as STS gives them. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since the epoch; undefined for what the local AWS renews by itself, as Lambda does. */
  readonly expiresAt: number | undefined;
}

/** Whom a session is for. */
export interface SessionRequest {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly lifetimeSeconds?: number;
}

/** The credentials that the local AWS makes, and whose they are. */
export interface CredentialStore {
  /** Makes credentials of a role, in whatever account the role is. */
  mint(request: SessionRequest): SessionCredentials;
  /**
   * Who signed a request. Credentials that were not made here are a person's, who administers an account: that of
   * the access key if it is twelve digits, else the first one. @param headers names in lower case.
   * @throws AwsError UnrecognizedClientException, ExpiredTokenException.
   */
  identify(headers: Readonly<Record<string, string>>): Caller;
}

/** What an access key that is made here begins with, so that one of an earlier run is not taken for a person's. */
const OWN_KEYS = "ASIALOCAL";
const KEY_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_CHARACTERS = `${KEY_CHARACTERS}abcdefghijklmnopqrstuvwxyz0189+/`;

/** Makes the store. Nothing of it is kept: what used the credentials of an earlier run has ended with it. */
export function createCredentialStore({
  clock,
  random,
  accountId,
}: {
  readonly clock: Clock;
  readonly random: Random;
  /** The account of people whose access key names none. */
  readonly accountId: string;
}): CredentialStore {
  const sessions = new Map<string, { readonly caller: Caller; readonly credentials: SessionCredentials }>();
  const draw = (length: number, characters: string) =>
    Array.from({ length }, () => characters[Math.floor(random() * characters.length)]).join("");

  return {
    mint({ roleArn, sessionName, lifetimeSeconds }) {
      const credentials = {
        accessKeyId: OWN_KEYS + draw(20 - OWN_KEYS.length, KEY_CHARACTERS),
        secretAccessKey: draw(40, SECRET_CHARACTERS),
        sessionToken: draw(64, SECRET_CHARACTERS),
        expiresAt: lifetimeSeconds === undefined ? undefined : clock.now() + lifetimeSeconds * 1000,
      };
      sessions.set(credentials.accessKeyId, { caller: callerInRole(roleArn, sessionName), credentials });
      return credentials;
    },
    identify(headers) {
      const accessKeyId = accessKeyOf(headers.authorization);
      const session = sessions.get(accessKeyId);
      if (session !== undefined && headers["x-amz-security-token"] === session.credentials.sessionToken) {
        if (clock.now() >= (session.credentials.expiresAt ?? Number.POSITIVE_INFINITY))
          throw new AwsError(
            "ExpiredTokenException",
            "The security token included in the request is expired",
          );
        return session.caller;
      }
      if (accessKeyId.startsWith(OWN_KEYS))
        throw new AwsError(
          "UnrecognizedClientException",
          "The security token included in the request is invalid.",
        );
      return personOf(accessKeyId, accountId);
    },
  };
}

/** `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/states/aws4_request, …` → KEY; empty if nothing is signed. */
export function accessKeyOf(authorization: string | undefined): string {
  return /^AWS4-\S+ Credential=([^/,\s]+)\//.exec(authorization ?? "")?.[1] ?? "";
}
