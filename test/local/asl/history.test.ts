import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Json, type JsonObject, sleep, TaskError } from "../../../local/asl/index.ts";
import { LAMBDA, machineOf, start } from "./machine.ts";

interface Shape {
  readonly kind: "pass" | "task" | "wait" | "parallel" | "map" | "choice";
  readonly seconds: number;
  readonly isCaught: boolean;
  readonly inner: readonly Shape[];
}

/** Shapes with at most `depth` levels inside each other. */
function shapes(depth: number): fc.Arbitrary<Shape[]> {
  const one = fc.record({
    kind: fc.constantFrom("pass", "task", "task", "wait", "parallel", "map", "choice") satisfies fc.Arbitrary<
      Shape["kind"]
    >,
    seconds: fc.nat({ max: 9 }),
    isCaught: fc.boolean(),
    inner: depth === 0 ? fc.constant([]) : shapes(depth - 1),
  });
  return fc.array(one, { maxLength: 3 });
}

/** A machine of these shapes, one after another. */
function toMachine(given: readonly Shape[]) {
  let count = 0;
  const flow = (list: readonly Shape[]): { StartAt: string; States: JsonObject } => {
    const names = list.map((one) => `${one.kind}${count++}`);
    const end = `End${count++}`;
    const states: Record<string, JsonObject> = { [end]: { Type: "Pass", End: true } };
    for (const [index, one] of list.entries())
      states[names[index] ?? ""] = state(one, names[index + 1] ?? end, end);
    return { StartAt: names[0] ?? end, States: states };
  };
  const state = ({ kind, seconds, isCaught, inner }: Shape, next: string, end: string): JsonObject => {
    const caught = isCaught ? { Catch: [{ ErrorEquals: ["States.ALL"], Next: end }] } : {};
    const retried = {
      Retry: [{ ErrorEquals: ["Flaky"], MaxAttempts: 1, JitterStrategy: "FULL" }],
      ...caught,
    };
    switch (kind) {
      case "pass":
        return { Type: "Pass", Next: next };
      case "task":
        return { Type: "Task", Resource: LAMBDA, TimeoutSeconds: seconds + 1, Next: next, ...retried };
      case "wait":
        return { Type: "Wait", Seconds: seconds, Next: next };
      case "parallel":
        return { Type: "Parallel", Branches: [flow(inner), flow(inner.slice(1))], Next: next, ...caught };
      case "map":
        return {
          Type: "Map",
          Items: [1, 2, 3],
          MaxConcurrency: seconds % 4,
          ItemProcessor: flow(inner),
          Next: next,
          ...caught,
        };
      case "choice":
        return {
          Type: "Choice",
          Choices: [{ Condition: `{% ${seconds} < 7 %}`, Next: next }],
          ...(isCaught ? { Default: end } : {}),
        };
    }
  };
  const { StartAt, States } = flow(given);
  return machineOf(States, { StartAt });
}

/** Tasks that take their time, and sometimes fail or never answer, all by the seed. */
function begin(given: readonly Shape[], seed: number) {
  const effects: string[] = [];
  let drawn = seed;
  const draw = () => {
    drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
    return drawn / 2 ** 32;
  };
  const started = start(toMachine(given), {
    seed,
    tasks: async ({ stateName, signal }, { clock }): Promise<Json> => {
      const luck = draw();
      await sleep(clock, Math.floor(luck * 5000), signal);
      effects.push(stateName);
      if (luck < 0.1) throw new TaskError("Broken", undefined);
      if (luck < 0.3) throw new TaskError("Flaky", "once more");
      return luck > 0.9 ? new Promise(() => {}) : stateName;
    },
  });
  return { ...started, effects };
}

const parameters = { numRuns: 150 };

describe("every history", () => {
  it("numbers its events 1 to n, each after the one that it follows from, and ends once", async () => {
    await fc.assert(
      fc.asyncProperty(shapes(2), fc.nat(), async (given, seed) => {
        const { end, clock } = begin(given, seed);
        const { history, status } = await end();
        const times = history.map(({ timestamp }) => timestamp);
        expect(history.map(({ id }) => id)).toEqual(history.map((_event, index) => index + 1));
        expect(history.every(({ id, previousEventId }) => previousEventId < id)).toBe(true);
        expect(times).toEqual([...times].sort((one, other) => one - other));
        const ends = history.filter(({ type }) => /^Execution(?!Started)/.test(type));
        expect(ends).toEqual([history.at(-1)]);
        expect(ends[0]?.type).toBe(status === "SUCCEEDED" ? "ExecutionSucceeded" : "ExecutionFailed");
        await clock.advance(1_000_000);
        expect(clock.pendingTimers).toBe(0);
      }),
      parameters,
    );
  });

  it("is the same for the same seed", async () => {
    await fc.assert(
      fc.asyncProperty(shapes(2), fc.nat(), async (given, seed) => {
        const [one, other] = [await begin(given, seed).end(), await begin(given, seed).end()];
        expect(other).toEqual(one);
      }),
      parameters,
    );
  });

  it("has nothing after a stop: no event, no effect of a task, no timer", async () => {
    await fc.assert(
      fc.asyncProperty(shapes(2), fc.nat(), fc.nat({ max: 20_000 }), async (given, seed, at) => {
        const { execution, clock, effects, end } = begin(given, seed);
        await clock.advance(at);
        execution.stop();
        const events = execution.history.length;
        const done = effects.length;
        await clock.advance(1_000_000);
        expect(execution.history).toHaveLength(events);
        expect(effects).toHaveLength(done);
        expect(clock.pendingTimers).toBe(0);
        expect(/^Execution(Aborted|Succeeded|Failed)$/.test((await end()).history.at(-1)?.type ?? "")).toBe(
          true,
        );
      }),
      parameters,
    );
  });
});
