/** Who asks: known from what a request is signed with. */
export interface Caller {
  /** Twelve digits. */
  readonly accountId: string;
  /** `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, or `arn:aws:iam::ACCOUNT:root` for a person. */
  readonly arn: string;
  /** The ARN of the role that the caller is held to. Undefined for a person, who administers the account. */
  readonly roleArn?: string;
}

/** The administrator of an account: whoever comes with credentials that the local AWS did not make. */
export function administratorOf(accountId: string): Caller {
  return { accountId, arn: `arn:aws:iam::${accountId}:root` };
}

/**
 * Who somebody is once a role was taken.
 * @param sessionName what AWS calls the session: a function's name, a build's id; cut and cleaned to AWS's rule.
 */
export function callerInRole(roleArn: string, sessionName: string): Caller & { readonly roleArn: string } {
  const [, , , , accountId = "", resource = ""] = roleArn.split(":");
  const roleName = resource.slice(resource.lastIndexOf("/") + 1);
  const session = sessionName.replace(/[^\w+=,.@-]/g, "-").slice(0, 64);
  return { accountId, roleArn, arn: `arn:aws:sts::${accountId}:assumed-role/${roleName}/${session}` };
}
