/** Who asks, as IAM names them. */
export interface Person {
  /** The ARN without what differs from session to session; a person's word counts once for each of these. */
  readonly arn: string;
  /** The name of the user, or of the session where nobody but its owner can have chosen it. */
  readonly name: string | undefined;
}

/** IAM Identity Center names a session by the user of its directory; every other session's name is its maker's choice. */
const identityCenterRole = /^(AWSReservedSSO_.+)_[0-9a-f]{16}$/;

/**
 * The person behind an ARN as a signed request shows it. Whoever may assume a role chooses the session's name, so all
 * sessions of a role are one person, but for those of IAM Identity Center.
 * @param userArn `requestContext.authorizer.iam.userArn` of a function URL.
 * @returns undefined if it is no ARN of a user, a role's session or the account.
 */
export function readPerson(userArn: string): Person | undefined {
  const [, partition, service, , account, resource = ""] = split(userArn);
  const [kind, ...path] = resource.split("/");
  const last = path.at(-1);
  if (service === "iam" && resource === "root") return { arn: userArn, name: undefined };
  if (service === "iam" && kind === "user" && last) return { arn: userArn, name: last };
  if (service !== "sts" || last === undefined || last === "") return undefined;
  if (kind === "federated-user")
    return { arn: `arn:${partition}:sts::${account}:federated-user`, name: undefined };
  const [role = "", session] = path;
  if (kind !== "assumed-role" || session === undefined) return undefined;
  const directory = identityCenterRole.exec(role)?.[1];
  if (directory === undefined)
    return { arn: `arn:${partition}:iam::${account}:role/${role}`, name: undefined };
  return { arn: `arn:${partition}:sts::${account}:assumed-role/${directory}/${session}`, name: session };
}

function split(userArn: string): string[] {
  const parts = userArn.split(":");
  return parts[0] === "arn" && parts.length === 6 ? parts : [];
}

/**
 * Whether two are one person, who may come by several roles, from several accounts, or as a user besides: whoever has
 * the same name. It is worse to count somebody twice than to ask another.
 */
export function isSamePerson(one: Person, other: Person): boolean {
  return one.arn === other.arn || (other.name !== undefined && isNamed(one, other.name));
}

/**
 * Whether a person is the one that a commit or a record names: a user's name, an address, or an ARN. An address and
 * its part before the @ are the same, for the same reason.
 */
export function isNamed({ arn, name }: Person, named: string): boolean {
  if (named === arn) return true;
  if (name === undefined) return false;
  const [one, other] = [name.toLowerCase(), named.toLowerCase()];
  if (one === other) return true;
  const local = (text: string) => text.split("@")[0];
  return one.includes("@") !== other.includes("@") && local(one) === local(other);
}
