import { arn, type World } from "../world.ts";
import { demand } from "./demand.ts";
import { isRoleAllowed, type RoleSession } from "./index.ts";

/** Whether what runs by this right may write to a log. As in AWS, lines that it may not write are missing without a word. */
export function mayWriteLog(
  world: Pick<World, "accountId" | "region" | "iam">,
  session: RoleSession,
  group: string,
  stream: string,
): boolean {
  const logGroup = arn(world, "logs", `log-group:${group}`);
  return isRoleAllowed(world, session, [
    ...demand("logs:CreateLogStream", `${logGroup}:log-stream:`),
    ...demand("logs:PutLogEvents", `${logGroup}:log-stream:${stream}`),
  ]);
}
