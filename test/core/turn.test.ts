import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EnvironmentRecord } from "../../core/records.ts";
import { comesAfter, decideTurn, type InLine, obstacleOf } from "../../core/turn.ts";

const empty: EnvironmentRecord = { service: "web", environment: "production", fence: 0 };
const lease = { owner: "arn:other", release: "web-0", fence: 1, reason: "deploy web-0", since: 0 };
const frozen = { reason: "could not be restored", since: 0, release: "web-0" };
const ahead = { execution: "arn:back", release: "web-0", attempt: 1, reason: "rollback web-0", since: 0 };

/** Deployments with few orders and few moments, so that most have a twin. */
const arrivals = fc
  .array(fc.record({ sequence: fc.nat(4), openedAt: fc.nat(3) }), { minLength: 1, maxLength: 12 })
  .map((some) =>
    some.map(
      ({ sequence, openedAt }, index): InLine => ({
        ...{ execution: `arn:${index}`, release: `web-${index}`, attempt: 1 },
        ...{ sequence, openedAt, since: 0 },
      }),
    ),
  );
const events = arrivals.chain((all) =>
  fc.record({
    all: fc.constant(all),
    // Everybody comes, in any order, and some ask again.
    order: fc.shuffledSubarray([...all, ...all, ...all], { minLength: all.length * 3 }),
    busy: fc.array(fc.boolean(), { minLength: all.length * 3, maxLength: all.length * 3 }),
  }),
);

/** Has deployments ask in this order, with the lease of another where the environment is busy. */
function play(order: readonly InLine[], busy: readonly boolean[]) {
  let environment = empty;
  const superseded = new Set<InLine>();
  const went: InLine[] = [];
  for (const [index, own] of order.entries()) {
    if (superseded.has(own) || went.includes(own)) continue;
    const now = busy[index] === true ? { ...environment, lease } : environment;
    let decided = decideTurn(now, own, obstacleOf(now));
    if (decided.decision === "enter") {
      if (decided.displaced !== undefined) superseded.add(decided.displaced);
      environment = { ...environment, next: own };
      const entered = { ...now, next: own };
      decided = decideTurn(entered, own, obstacleOf(entered));
      expect(decided.decision).not.toBe("enter");
    }
    if (decided.decision === "superseded") superseded.add(own);
    if (decided.decision === "go") {
      went.push(own);
      environment = { ...environment, next: undefined };
    }
  }
  return { next: environment.next, superseded, went };
}

describe("the line of an environment", () => {
  it("has one place, which the newest has in the end, in whatever order they come", () => {
    fc.assert(
      fc.property(events, ({ all, order }) => {
        const { next, superseded, went } = play(
          order,
          order.map(() => true),
        );
        const newest = all.toSorted((one, other) => (comesAfter(one, other) ? -1 : 1))[0];
        expect(next).toEqual(newest);
        expect(went).toEqual([]);
        expect(superseded.size).toBe(all.length - 1);
      }),
    );
  });

  it("leaves nobody without an end: each goes, is superseded, or is the next", () => {
    fc.assert(
      fc.property(events, ({ all, order, busy }) => {
        const { next, superseded, went } = play(order, busy);
        for (const one of all)
          expect([went.includes(one), superseded.has(one), next === one].filter(Boolean)).toHaveLength(1);
      }),
    );
  });

  it("orders any two deployments one way", () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        for (const one of all)
          for (const other of all)
            expect(comesAfter(one, other)).toBe(one !== other && !comesAfter(other, one));
      }),
    );
  });
});

describe("a turn", () => {
  const own: InLine = {
    ...{ execution: "arn:me", release: "web-2", attempt: 1, sequence: 2, openedAt: 0, since: 0 },
  };

  it("is given only while the lease is free, nobody is ahead, and the environment is not frozen", () => {
    const maybe = <Value>(value: Value) => fc.option(fc.constant(value), { nil: undefined });
    const states = fc.record({ lease: maybe(lease), ahead: maybe(ahead), frozen: maybe(frozen) });
    fc.assert(
      fc.property(states, (state) => {
        const environment = { ...empty, ...state, next: own };
        const { decision } = decideTurn(environment, own, obstacleOf(environment));
        const free = state.lease === undefined && state.ahead === undefined && state.frozen === undefined;
        expect(decision === "go").toBe(free);
        expect(decision === "refuse").toBe(state.frozen !== undefined);
      }),
    );
  });

  it("is given again to who has the lease: its answer was lost", () => {
    const environment = {
      ...empty,
      lease: { ...lease, owner: "arn:me" },
      next: { ...own, execution: "arn:3" },
    };
    expect(decideTurn(environment, own, obstacleOf(environment)).decision).toBe("go");
  });

  it.each([
    [{ lease }, "production is being changed since 1970-01-01T00:00:00.000Z: deploy web-0"],
    [{ ahead }, "rollback web-0 comes first; it waits since 1970-01-01T00:00:00.000Z"],
    [{ frozen }, expect.stringContaining('start {"intent":"recover",…}')],
  ])("says for what it waits: %j", (state, why) => {
    expect(obstacleOf({ ...empty, ...state })?.why).toEqual(why);
  });
});
