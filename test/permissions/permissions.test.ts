import { beforeAll, describe, expect, it } from "vitest";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";
import { grantsOf, requestThatNeeds } from "./grants.ts";
import { playScenario } from "./play.ts";
import { scenarios } from "./scenarios.ts";
import { unreached } from "./unreached.ts";

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
      }
    });
}, 240_000);

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

/** Takes an action from a role, as somebody would who thought it was not needed. */
function takeAway(world: SimulatedWorld, name: string, action: string): void {
  const role = world.aws.iam.roles().find(({ arn }) => arn.endsWith(`:role/${name}`));
  if (role === undefined) throw new Error(`there is no role ${name}`);
  const statements = role.statements.map((statement) => ({
    ...statement,
    actions: statement.actions.filter((one) => one !== action),
  }));
  expect(statements).not.toEqual(role.statements);
  world.aws.iam.putRole({ ...role, statements });
}

describe("a right that is missing", () => {
  const cases = [
    { role: "spillway-RunStage", action: "codebuild:StartBuild" },
    { role: "spillway-CheckDatabase", action: "ecs:RunTask" },
    { role: "spillway-StartDeployment", action: "iam:PassRole" },
  ];
  it.each(cases)("$action of $role: the release says what is missing", async ({ role, action }) => {
    const world = await createWorld();
    takeAway(world, role, action);
    const id = await world.release("aaaaaaa");
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    const began = world.clock.now();
    await world.close();
    expect(release.outcome).not.toBe("Released");
    expect(release.reason).toContain("AccessDenied");
    expect(release.reason).toContain(
      `User: arn:aws:sts::000000000000:assumed-role/${role}/${role} is not authorized to perform: ${action} on resource: arn:aws:`,
    );
    expect(release.reason).toContain("Deploy this version of Spillway again");
    // It is not tried again and again.
    expect(began - release.openedAt).toBeLessThan(10 * 60_000);
  });
});
