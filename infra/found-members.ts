import { AccountResources } from "../core/records.ts";
import { roleArn } from "./arns.ts";
import type { Found } from "./checks.ts";
import type { MemberDescription } from "./members.ts";
import { application, place } from "./stage.ts";

/** Reads, with the role that lets us, what was made in a member account; why not, if it cannot be read. */
export async function findMember({
  account,
  externalId,
  readerRole,
  parameter,
}: MemberDescription): Promise<Found["members"][number]> {
  const provider = new aws.Provider(`Member-${account}`, {
    region: place.region,
    assumeRoles: [
      {
        roleArn: roleArn({ ...place, account }, readerRole),
        externalId,
        sessionName: `${application.prefix}-deployment`.slice(0, 64),
      },
    ],
  });
  try {
    const { insecureValue: value } = await aws.ssm.getParameter({ name: parameter }, { provider });
    return { account, resources: AccountResources.parse(JSON.parse(value)), refusal: undefined };
  } catch (error) {
    return { account, resources: undefined, refusal: error instanceof Error ? error.message : String(error) };
  }
}
