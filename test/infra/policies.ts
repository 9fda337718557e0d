import type { Inputs, Resource } from "./pulumi.ts";

/** What a policy says, with every member a list. */
export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

const many = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

/** The statements of a policy's text. */
export function statementsOf(policy: string): Statement[] {
  const { Statement }: { Statement: Inputs[] } = JSON.parse(policy);
  return Statement.map(({ Effect, Action, Resource, Condition = {} }) => ({
    effect: Effect,
    actions: many(Action),
    resources: many(Resource),
    conditions: Condition,
  }));
}

/** Every policy of a role, by the role's logical name. */
export function policiesOf(resources: readonly Resource[], role: Resource): string[] {
  const inline: Inputs[] = role.inputs.inlinePolicies ?? [];
  return [
    ...inline.map(({ policy }) => policy),
    ...resources
      .filter(
        ({ type, inputs }) => type === "aws:iam/rolePolicy:RolePolicy" && inputs.role === `${role.name}-id`,
      )
      .map(({ inputs }) => inputs.policy),
  ];
}

/** Whether a pattern of IAM (`*` and `?`) covers a text. */
export function covers(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`).test(text);
}

/** Whether the statements allow an action on a resource. Conditions are taken as met. */
export function allows(statements: readonly Statement[], action: string, resource: string): boolean {
  const hits = statements.filter(
    ({ actions, resources }) =>
      actions.some((pattern) => covers(pattern.toLowerCase(), action.toLowerCase())) &&
      resources.some((pattern) => covers(pattern, resource)),
  );
  return hits.some(({ effect }) => effect === "Allow") && !hits.some(({ effect }) => effect === "Deny");
}
