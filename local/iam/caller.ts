/** Who asks: known from what a request is signed with. */
export interface Caller {
  /** Twelve digits. */
  readonly accountId: string;
  /** `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`; `arn:aws:iam::ACCOUNT:root` or `…:user/NAME` for a person. */
  readonly arn: string;
  /** The ARN of the role that the caller is held to. Undefined for a person, who administers the account. */
  readonly roleArn?: string;
}

/** The administrator of an account: whoever comes with credentials that the local AWS did not make. */
export function administratorOf(accountId: string): Caller {
  return { accountId, arn: `arn:aws:iam::${accountId}:root` };
}

/**
 * The person who comes with an access key that the local AWS did not make. Nobody has a user of an AWS on a laptop, so
 * the key is the user's name: with `AWS_ACCESS_KEY_ID=ada` a command is ada's. `local`, with which everything on a
 * laptop signs, twelve digits, which name an account, and what could be nobody's name are the account itself.
 */
export function personOf(accessKeyId: string, accountId: string): Caller {
  if (/^\d{12}$/.test(accessKeyId)) return administratorOf(accessKeyId);
  if (accessKeyId === "local" || !/^[\w+=,.@-]{1,64}$/.test(accessKeyId)) return administratorOf(accountId);
  return { accountId, arn: `arn:aws:iam::${accountId}:user/${accessKeyId}` };
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
