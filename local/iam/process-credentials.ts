import type { World } from "../world.ts";
import type { RoleSession } from "./index.ts";

/** What a process is told of who it is: the variables that every AWS SDK reads. */
export function credentialVariables(
  { iam }: Pick<World, "iam">,
  session: RoleSession,
): Record<string, string> {
  const { roleArn, sessionName } = session;
  if (iam === undefined || roleArn === undefined)
    return { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
  const { accessKeyId, secretAccessKey, sessionToken } = iam.mint({ roleArn, sessionName });
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
}
