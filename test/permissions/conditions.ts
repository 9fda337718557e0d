import type { Demand } from "../../local/iam/demand.ts";
import { allowingStatement } from "../../local/iam/evaluate.ts";
import type { Decision } from "../../local/iam/index.ts";
import type { Condition, Role, Statement } from "../../local/iam/roles.ts";

/** What a condition stands for, and a value that nothing of ours says. */
const another = "nothing.of.ours";

/** One value of a condition of a role. */
export interface DemandedValue {
  /** "spillway-RollBack: iam:PassRole if iam:PassedToService is build.apprunner.amazonaws.com" */
  readonly label: string;
  /** What the role says if another value stands there. */
  readonly otherwise: readonly Statement[];
}

/** Every value that the conditions of a role demand, one by one. */
export function demandedValues({ arn, statements }: Role, nameOf: (name: string) => string): DemandedValue[] {
  const name = nameOf(arn.split("/").at(-1) ?? arn);
  return statements.flatMap((statement, index) =>
    (statement.conditions ?? []).flatMap((condition) =>
      condition.values.map((value) => ({
        label: `${name}: ${statement.actions.join(", ")} if ${condition.variable} is ${value}`,
        otherwise: statements.with(index, replace(statement, condition, value)),
      })),
    ),
  );
}

function replace(statement: Statement, condition: Condition, value: string): Statement {
  const { conditions = [] } = statement;
  const values = condition.values.map((one) => (one === value ? another : one));
  return {
    ...statement,
    conditions: conditions.map((one) => (one === condition ? { ...one, values } : one)),
  };
}

/** A request that was allowed, and that would be denied if the condition demanded another value. */
export function requestThatSays(
  { otherwise }: Pick<DemandedValue, "otherwise">,
  decisions: readonly Decision[],
): Demand | undefined {
  return decisions.find(
    ({ allowedBy, demand }) => allowedBy !== undefined && allowingStatement(otherwise, demand) === undefined,
  )?.demand;
}

/**
 * Requests that are like one that was allowed under a condition, and in one circumstance are not: it is a little
 * different, it is another's, or it is not said at all.
 * @param circumstances values that other requests of the role say.
 */
export function nearMisses({ allowedBy, demand }: Decision, circumstances: readonly string[]): Demand[] {
  const { context = {} } = demand;
  return (allowedBy?.conditions ?? []).flatMap(({ variable, values }) => {
    const { [variable]: said = "", ...unsaid } = context;
    const near = [`${said}-2`, said.replace(/[^/.:]+$/, "other"), another];
    const others = [...circumstances, ...near].filter((value) => !values.includes(value));
    const different = others.map((value) => ({ ...context, [variable]: value }));
    return [unsaid, ...different].map((changed) => ({ ...demand, context: changed }));
  });
}
