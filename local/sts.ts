import type { Door, GatewayRequest, GatewayResponse } from "./gateway.ts";
import type { World } from "./world.ts";

const VERSION = "2011-06-15";

/**
 * STS, as far as `aws sts get-caller-identity` needs it: the first thing that people type to see whom they talk to.
 * It speaks AWS Query: a form in, XML out.
 */
export function createStsDoor(world: Pick<World, "accountId">): Door {
  const handle = async (request: GatewayRequest, requestId: string): Promise<GatewayResponse> => {
    const action = new URLSearchParams(new TextDecoder().decode(request.body)).get("Action") ?? "";
    if (action !== "GetCallerIdentity") {
      return xml(
        400,
        `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/${VERSION}/"><Error><Type>Sender</Type><Code>NotImplemented</Code><Message>The local AWS implements GetCallerIdentity of STS, not ${escapeXml(action)}.</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
      );
    }
    const account = world.accountId;
    return xml(
      200,
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/${VERSION}/"><GetCallerIdentityResult><Arn>arn:aws:iam::${account}:root</Arn><UserId>${account}</UserId><Account>${account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
    );
  };
  return { served: { target: "STS", operations: ["GetCallerIdentity"] }, accepts: isStsRequest, handle };
}

function isStsRequest(request: GatewayRequest): boolean {
  const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false;
  if (request.method !== "POST" || request.path !== "/" || !isForm) return false;
  return new URLSearchParams(new TextDecoder().decode(request.body)).get("Version") === VERSION;
}

function xml(status: number, text: string): GatewayResponse {
  return { status, headers: { "content-type": "text/xml" }, body: new TextEncoder().encode(text) };
}

function escapeXml(text: string): string {
  return text.replace(/[<>&'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
