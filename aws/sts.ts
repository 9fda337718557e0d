import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { collectBody, HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import { SpillwayError } from "../core/errors.ts";
import type { Access } from "../core/records.ts";
import { clientOf } from "./clients.ts";
import type { ClientSettings } from "./connection.ts";
import { call } from "./faults.ts";

/** Keys of a role that was taken. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What AWS asks for at least, and enough for a function. */
const lifetimeSeconds = 900;

/**
 * Takes the role by which another account lets us act in it. By hand, with the SDK's own signer and transport: its
 * client of STS would be the only one that reads XML, and cost every function that acts in an environment 33 KB.
 * @throws SpillwayError AccountRefused if the account does not let us in; Throttled and AwsFault as any call to AWS.
 */
export async function assumeRole(
  client: ClientSettings,
  { roleArn, externalId }: Access,
): Promise<SessionCredentials> {
  const answer = await call(`take the role ${roleArn}`, () =>
    send(client, roleArn, {
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: roleArn,
      RoleSessionName: "spillway",
      ExternalId: externalId,
      DurationSeconds: String(lifetimeSeconds),
    }),
  );
  if (answer.status === 403 && element(answer.text, "Code") === "AccessDenied")
    throw refused(roleArn, answer.text);
  if (answer.status !== 200) return call(`take the role ${roleArn}`, () => Promise.reject(errorOf(answer)));
  return {
    accessKeyId: element(answer.text, "AccessKeyId"),
    secretAccessKey: element(answer.text, "SecretAccessKey"),
    sessionToken: element(answer.text, "SessionToken"),
    expiresAt: Date.parse(element(answer.text, "Expiration")),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function send(client: ClientSettings, roleArn: string, form: Record<string, string>): Promise<Answer> {
  // Any client finds region, credentials and transport in the same way; this one is in every bundle.
  const { config } = clientOf(DynamoDBClient, client);
  const region = await config.region();
  const url = endpointOf(client, roleArn, region);
  const request = new HttpRequest({
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    path: "/",
    headers: { host: url.host, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
  const { credentials, sha256 } = config;
  const signed = await new SignatureV4({ service: "sts", region, credentials, sha256 }).sign(request);
  const { response } = await config.requestHandler.handle(new HttpRequest(signed), {
    requestTimeout: 10_000,
  });
  return {
    status: response.statusCode,
    text: new TextDecoder().decode(await collectBody(response.body, config)),
  };
}

/** As the SDK would choose it. */
function endpointOf({ endpoint }: ClientSettings, roleArn: string, region: string): URL {
  const { AWS_ENDPOINT_URL_STS: own, AWS_ENDPOINT_URL: all } = process.env;
  const suffix = roleArn.startsWith("arn:aws-cn:") ? "amazonaws.com.cn" : "amazonaws.com";
  return new URL(endpoint ?? (own || all || `https://sts.${region}.${suffix}`));
}

/** AWS gives one answer to all of this, so that nobody learns which roles there are. */
function refused(roleArn: string, text: string): SpillwayError {
  const account = roleArn.split(":")[4];
  return new SpillwayError(
    "AccountRefused",
    `The account ${account} does not let Spillway in: ${element(text, "Message")}. Either nothing was deployed there yet, or its role was made with another external id or for another home than spillway.config.ts says now. Deploy with credentials of ${account}, then here again.`,
  );
}

function errorOf({ status, text }: Answer): Error {
  const error = new Error(element(text, "Message"));
  return Object.assign(error, { name: element(text, "Code"), $metadata: { httpStatusCode: status } });
}

/** The text of an element that STS has once in an answer, and that holds no markup; empty if it is not there. */
function element(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  return text.replace(/&(?:#(\d+)|(amp|lt|gt|quot|apos));/g, (_, code: string | undefined, name: string) =>
    code === undefined ? (entities[name] ?? "") : String.fromCodePoint(Number(code)),
  );
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
