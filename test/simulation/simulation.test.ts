import { describe, expect, it } from "vitest";
import type { Decision } from "../../local/iam/index.ts";
import { ofKind } from "./history.ts";
import { createPlan, type Plan } from "./plan.ts";
import { type Inspect, type Run, simulate } from "./run.ts";
import { shrink } from "./shrink.ts";
import { traceOf } from "./trace.ts";
import { worlds } from "./worlds.ts";

const brokenRules = ({ violations }: Run) => violations.map(({ invariant, says }) => `${invariant}: ${says}`);

describe("a simulated world", () => {
  // The first that a process lives through: what loads itself at its first use must not let time pass.
  it("begins when its plan says", async () => {
    const plan = createPlan(8);
    const { history } = await simulate(plan);
    const pushed = ofKind(history.effects, "push").map(({ at }) => at);
    expect(pushed.slice(0, 1)).toEqual([Math.min(...plan.pushes.map(({ at }) => at)) * 1000]);
  });

  it.each([1, 3, 8])(
    "of seed %i keeps every rule, and asks for nothing that a role may not",
    async (seed) => {
      let denied: readonly Decision[] = [];
      const inspect: Inspect = async ({ aws: { iam } }) => {
        expect(iam.decisions.length).toBeGreaterThan(100);
        denied = iam.decisions.filter(({ allowedBy }) => allowedBy === undefined);
      };
      expect(brokenRules(await simulate(createPlan(seed), { inspect }))).toEqual([]);
      expect(denied).toEqual([]);
    },
  );

  it.each(worlds)("that found a bug keeps every rule: $was", async ({ plan }) => {
    expect(brokenRules(await simulate(plan))).toEqual([]);
  });

  it("is the same again, to the letter, with all its faults", async () => {
    const [one, again] = [await simulate(createPlan(8)), await simulate(createPlan(8))];
    expect(one.faults.length).toBeGreaterThan(0);
    expect(traceOf(again)).toBe(traceOf(one));
  });

  it("is the same again if its faults are named instead of drawn", async () => {
    const plan = createPlan(8);
    const one = await simulate(plan);
    const only = one.faults.map(({ place }) => place);
    const again = await simulate({ ...plan, faults: { ...plan.faults, only } });
    expect(again.faults).toEqual(one.faults);
    expect(again.history.effects).toEqual(one.history.effects);
  });
});

describe("a plan that breaks a rule", () => {
  it("is shrunk to the pushes, people and faults without which it would not", async () => {
    const plan = createPlan(8);
    const one = await simulate(plan);
    const guilty = plan.pushes.at(-1)?.tag;
    const tried: Plan[] = [];
    const judged = (of: Plan): Run => ({
      ...one,
      plan: of,
      violations: of.pushes.some(({ tag }) => tag === guilty) ? [{ invariant: "a rule", says: "no" }] : [],
    });
    const least = await shrink(judged(plan), async (smaller) => {
      tried.push(smaller);
      return judged(smaller);
    });
    expect(least.plan.pushes.map(({ tag }) => tag)).toEqual([guilty]);
    expect(least.plan.deeds).toEqual([]);
    expect(least.plan.faults.only).toEqual([]);
    expect(tried.length).toBeLessThan(120);
  });
});
