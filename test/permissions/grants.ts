import type { Demand } from "../../local/iam/demand.ts";
import { allowingStatement } from "../../local/iam/evaluate.ts";
import type { Decision } from "../../local/iam/index.ts";
import type { Role, Statement } from "../../local/iam/roles.ts";

/** One right of a role: an action on a thing. */
export interface Grant {
  /** "spillway-AdmitRelease: ecr:DescribeImages on arn:…:repository/web" */
  readonly label: string;
  readonly action: string;
  /** What the role would still say without it. */
  readonly without: readonly Statement[];
}

/**
 * Every right of a role, one by one.
 * @param nameOf what the role is called: the same for roles that are made alike, as those of all builds are.
 */
export function grantsOf({ arn, statements }: Role, nameOf: (role: string) => string): Grant[] {
  const name = nameOf(arn.split("/").at(-1) ?? arn);
  return statements.flatMap((statement, index) =>
    (statement.resources.length === 0 ? [] : statement.actions).map((action) => ({
      label: `${name}: ${action} on ${nameOf(statement.resources[0] ?? "nothing")}`,
      action,
      without: statements.map((other, place) =>
        place === index ? { ...other, actions: other.actions.filter((one) => one !== action) } : other,
      ),
    })),
  );
}

/** A request that was allowed, and that would be denied without this right. */
export function requestThatNeeds({ without }: Grant, decisions: readonly Decision[]): Demand | undefined {
  return decisions.find(
    ({ allowedBy, demand }) => allowedBy !== undefined && allowingStatement(without, demand) === undefined,
  )?.demand;
}
