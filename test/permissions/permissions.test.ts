import { beforeAll, describe, expect, it } from "vitest";
import { allowingStatement } from "../../local/iam/evaluate.ts";
import type { Decision } from "../../local/iam/index.ts";
import type { Role } from "../../local/iam/roles.ts";
import { demandedValues, nearMisses, requestThatSays } from "./conditions.ts";
import { grantsOf, requestThatNeeds } from "./grants.ts";
import { playScenario } from "./play.ts";
import { scenarios } from "./scenarios.ts";
import { unreached, unsaidValues } from "./unreached.ts";

/** Roles that are made alike have one name: those of all builds, of all environments. */
function nameOf(role: string): string {
  return role
    .replace(/spillway-web-[\w-]+-build$/, "build")
    .replace(/spillway-web-[a-z-]+(?=-\*$|\/\*$)/, "spillway-web-STAGE")
    .replace(/spillway-web-(staging|production)/, "spillway-web-ENVIRONMENT");
}

const granted = new Set<string>();
const needed = new Map<string, string>();
const denied: string[] = [];
const demanded = new Set<string>();
const said = new Map<string, string>();
/** Requests under a condition, and those near them that are allowed all the same. */
const conditional = { keys: new Set<string>(), misses: 0, allowed: [] as string[] };

beforeAll(async () => {
  for (const scenario of scenarios)
    await playScenario(scenario, ({ aws: { iam } }) => {
      for (const role of iam.roles()) {
        const decisions = iam.decisions.filter(({ roleArn }) => roleArn === role.arn);
        for (const { demand, allowedBy } of decisions)
          if (allowedBy === undefined)
            denied.push(`${scenario.name}: ${role.arn} ${demand.action} ${demand.resource}`);
        for (const grant of grantsOf(role, nameOf)) {
          granted.add(grant.label);
          const request = requestThatNeeds(grant, decisions);
          if (request !== undefined) needed.set(grant.label, scenario.name);
        }
        for (const value of demandedValues(role, nameOf)) {
          demanded.add(value.label);
          if (requestThatSays(value, decisions) !== undefined) said.set(value.label, scenario.name);
        }
        missNarrowly(role, decisions);
      }
    });
}, 600_000);

/** Changes the circumstances of every request that a condition let through. */
function missNarrowly(role: Role, decisions: readonly Decision[]): void {
  const circumstances = [...new Set(decisions.flatMap(({ demand }) => Object.values(demand.context ?? {})))];
  for (const decision of decisions) {
    for (const { variable } of decision.allowedBy?.conditions ?? []) conditional.keys.add(variable);
    for (const miss of nearMisses(decision, circumstances)) {
      conditional.misses++;
      if (allowingStatement(role.statements, miss) !== undefined)
        conditional.allowed.push(
          `${role.arn} ${miss.action} ${miss.resource} ${JSON.stringify(miss.context)}`,
        );
    }
  }
}

const advice =
  "Nothing in test/permissions/scenarios/ needs these rights. Take them out of infra/permissions.ts or infra/roles.ts, or add a scenario in which they are needed. Only what cannot happen here goes into test/permissions/unreached.ts, with the reason.";

describe("what each role may do", () => {
  it("is enough for all that happens", () => {
    expect(denied).toEqual([]);
  });

  it("is needed: without any one right, a request that was recorded would be denied", () => {
    const unused = [...granted].filter((label) => !needed.has(label));
    const unexplained = unused.filter((label) => !unreached.some(({ grants }) => grants.test(label)));
    expect(unexplained.toSorted(), advice).toEqual([]);
    expect(needed.size).toBeGreaterThan(150);
  });

  it("has no excuse that nothing needs any more", () => {
    const stale = unreached.filter(
      ({ grants }) => ![...granted].some((label) => !needed.has(label) && grants.test(label)),
    );
    expect(stale).toEqual([]);
  });
});

describe("what a condition demands", () => {
  it("is said by a request that was recorded, and that would be denied if it demanded anything else", () => {
    const unsaid = [...demanded].filter((label) => !said.has(label));
    const unexplained = unsaid.filter((label) => !unsaidValues.some(({ values }) => values.test(label)));
    expect(unexplained.toSorted()).toEqual([]);
    const stale = unsaidValues.filter(({ values }) => !unsaid.some((label) => values.test(label)));
    expect(stale).toEqual([]);
  });

  it("keeps out every request that is another in one circumstance, or does not say it", () => {
    expect(conditional.allowed).toEqual([]);
    expect(conditional.misses).toBeGreaterThan(100);
    expect([...conditional.keys].toSorted()).toEqual(["ecs:cluster", "iam:PassedToService"]);
  });
});
