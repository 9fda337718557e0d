import type { Door, GatewayRequest, GatewayResponse } from "./gateway.ts";
import { type Caller, callerInRole } from "./iam/caller.ts";
import { demand } from "./iam/demand.ts";
import type { Iam } from "./iam/index.ts";
import { trustsCaller } from "./iam/roles.ts";
import { AwsError } from "./service.ts";

const VERSION = "2011-06-15";
/** AWS's own: an hour unless asked, from 15 minutes to 12 hours. */
const LIFETIME_SECONDS = { usual: 3_600, least: 900, most: 43_200 };

/** Who has the roles, and makes credentials for them. */
type Roles = Pick<Iam, "mint" | "role">;

/**
 * STS: `GetCallerIdentity`, the first thing that people type to see whom they talk to, and `AssumeRole`.
 * It speaks AWS Query: a form in, XML out.
 */
export function createStsDoor(roles: Roles): Door {
  const operations: Record<string, (form: URLSearchParams, caller: Caller) => string> = {
    GetCallerIdentity: (_, caller) => describeCaller(caller),
    AssumeRole: (form, caller) => assumeRole(form, caller, roles),
  };
  const handle = async (
    request: GatewayRequest,
    requestId: string,
    caller: Caller,
  ): Promise<GatewayResponse> => {
    const form = formOf(request);
    const action = form.get("Action") ?? "";
    try {
      const operation = Object.hasOwn(operations, action) ? operations[action] : undefined;
      if (operation === undefined)
        throw new AwsError(
          "NotImplemented",
          `The local AWS implements ${Object.keys(operations).join(" and ")} of STS, not ${action}.`,
        );
      const result = operation(form, caller);
      return xml(
        200,
        `<${action}Response xmlns="https://sts.amazonaws.com/doc/${VERSION}/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`,
      );
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return xml(error.status, describeError(error, requestId));
    }
  };
  return {
    served: { target: "STS", operations: Object.keys(operations).toSorted() },
    accepts: isStsRequest,
    demands: (request) => {
      const form = formOf(request);
      return form.get("Action") === "AssumeRole" ? demand("sts:AssumeRole", form.get("RoleArn") ?? "") : [];
    },
    refuse: (error, requestId) => xml(error.status, describeError(error, requestId)),
    handle,
  };
}

function describeCaller({ arn, accountId, roleArn }: Caller): string {
  const userId = roleArn === undefined ? accountId : `${roleId(roleArn)}:${arn.split("/").at(-1)}`;
  return element("Arn", arn) + element("UserId", userId) + element("Account", accountId);
}

function assumeRole(form: URLSearchParams, caller: Caller, roles: Roles): string {
  const roleArn = form.get("RoleArn") ?? "";
  const sessionName = form.get("RoleSessionName") ?? "";
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName))
    throw new AwsError(
      "ValidationError",
      `RoleSessionName has 2 to 64 letters, digits and "+=,.@-_"; it is "${sessionName.slice(0, 80)}".`,
    );
  const lifetimeSeconds = Number(form.get("DurationSeconds") ?? LIFETIME_SECONDS.usual);
  if (!(lifetimeSeconds >= LIFETIME_SECONDS.least && lifetimeSeconds <= LIFETIME_SECONDS.most))
    throw new AwsError(
      "ValidationError",
      `DurationSeconds is ${LIFETIME_SECONDS.least} to ${LIFETIME_SECONDS.most}; it is ${form.get("DurationSeconds")}.`,
    );
  const wanted = roles.role(roleArn);
  if (wanted === undefined || !trustsCaller(wanted, caller, form.get("ExternalId") ?? undefined))
    throw new AwsError(
      "AccessDenied",
      `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      { status: 403 },
    );
  const session = roles.mint({ roleArn, sessionName, lifetimeSeconds });
  const { arn } = callerInRole(roleArn, sessionName);
  const user = element("AssumedRoleId", `${roleId(roleArn)}:${sessionName}`) + element("Arn", arn);
  const keys =
    element("AccessKeyId", session.accessKeyId) +
    element("SecretAccessKey", session.secretAccessKey) +
    element("SessionToken", session.sessionToken) +
    element("Expiration", new Date(session.expiresAt ?? 0).toISOString());
  return `<AssumedRoleUser>${user}</AssumedRoleUser><Credentials>${keys}</Credentials>`;
}

/** An id as AWS has one for each role, beside its name. */
function roleId(roleArn: string): string {
  return `AROA${Buffer.from(roleArn).toString("hex").toUpperCase().slice(-17)}`;
}

function isStsRequest(request: GatewayRequest): boolean {
  const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false;
  if (request.method !== "POST" || request.path !== "/" || !isForm) return false;
  return formOf(request).get("Version") === VERSION;
}

function formOf(request: GatewayRequest): URLSearchParams {
  return new URLSearchParams(new TextDecoder().decode(request.body));
}

function describeError({ name, message, status }: AwsError, requestId: string): string {
  const error =
    element("Type", status < 500 ? "Sender" : "Receiver") +
    element("Code", name) +
    element("Message", message);
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/${VERSION}/"><Error>${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function xml(status: number, text: string): GatewayResponse {
  return { status, headers: { "content-type": "text/xml" }, body: new TextEncoder().encode(text) };
}

function escapeXml(text: string): string {
  return text.replace(/[<>&'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
