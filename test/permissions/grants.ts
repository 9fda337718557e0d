import type { Demand } from "../../local/iam/demand.ts";
import { allowingStatement } from "../../local/iam/evaluate.ts";
import type { Decision } from "../../local/iam/index.ts";
import type { Role, Statement } from "../../local/iam/roles.ts";

/** One right of a role: an action on a resource. */
export interface Grant {
  /** "spillway-AdmitRelease: ecr:DescribeImages on arn:…:repository/web" */
  readonly label: string;
  readonly action: string;
  /** What the role would still say without it. */
  readonly without: readonly Statement[];
}

/**
 * Every right of a role, one by one: each action of a statement on each of its resources.
 * @param nameOf what a role and a thing are called: the same for those that are made alike, as the roles of all builds are.
 */
export function grantsOf({ arn, statements }: Role, nameOf: (role: string) => string): Grant[] {
  const name = nameOf(arn.split("/").at(-1) ?? arn);
  return statements.flatMap((statement, index) =>
    statement.actions.flatMap((action) =>
      statement.resources.map((resource) => ({
        label: `${name}: ${action} on ${nameOf(resource)}`,
        action,
        without: statements.flatMap((other, place) =>
          place === index ? takeFrom(statement, action, resource) : other,
        ),
      })),
    ),
  );
}

/** What is left of a statement that says one action of one resource less. */
function takeFrom(statement: Statement, action: string, resource: string): Statement[] {
  const { actions, resources } = statement;
  return [
    { ...statement, actions: actions.filter((one) => one !== action) },
    { ...statement, actions: [action], resources: resources.filter((one) => one !== resource) },
  ];
}

/** A request that was allowed, and that would be denied without this right. */
export function requestThatNeeds(
  { action, without }: Pick<Grant, "action" | "without">,
  decisions: readonly Decision[],
): Demand | undefined {
  return decisions.find(
    ({ allowedBy, demand }) =>
      demand.action === action && allowedBy !== undefined && allowingStatement(without, demand) === undefined,
  )?.demand;
}
