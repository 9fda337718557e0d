import type { Caller } from "./caller.ts";
import { covers } from "./evaluate.ts";

/** A statement of a policy. Nothing is denied by one: what no statement allows is not allowed. */
export interface Statement {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: readonly Condition[];
}

/** With StringEquals or ArnEquals: one of `values`. */
export interface Condition {
  readonly test: "StringEquals" | "ArnEquals";
  readonly variable: string;
  readonly values: readonly string[];
}

/** Who may take a role with sts:AssumeRole. */
export interface Trust {
  /** The ARN of a role, or `arn:aws:iam::ACCOUNT:root` for everyone of an account. */
  readonly principal: string;
  /** What the caller must say, if it is demanded. */
  readonly externalId?: string;
  /** A pattern of the ARN of the caller's own role or user (`aws:PrincipalArn`), if not all of them are let in. */
  readonly callers?: string;
}

/** A role, and what whoever has it may do. */
export interface Role {
  /** `arn:aws:iam::ACCOUNT:role/NAME` */
  readonly arn: string;
  readonly statements: readonly Statement[];
  /** None for a role that only services take, as Lambda does. */
  readonly trusts?: readonly Trust[];
}

/** Whether the role's own policy lets the caller take it. */
export function trustsCaller({ trusts = [] }: Role, caller: Caller, externalId: string | undefined): boolean {
  return trusts.some(
    ({ principal, externalId: demanded, callers = "*" }) =>
      (principal === caller.roleArn || principal === `arn:aws:iam::${caller.accountId}:root`) &&
      (demanded === undefined || demanded === externalId) &&
      covers(callers, caller.roleArn ?? caller.arn),
  );
}
