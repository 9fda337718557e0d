import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createVirtualClock,
  type Definition,
  type Execution,
  type HistoryEvent,
  type Json,
  type JsonObject,
  type Past,
  parseStateMachine,
  ReplayDivergedError,
  recordExecution,
  replayExecution,
  type Stimulus,
  sleep,
  TaskError,
  type TaskRunner,
  TaskTokens,
} from "../../../local/asl/index.ts";
import { CALLBACK, LAMBDA, machineOf, seeded } from "./machine.ts";

const start = Date.UTC(2026, 10, 24);

/** A record that can be cut at any point: entries in the order in which they were written. */
function createRecord() {
  const entries: ({ stimulus: Stimulus } | { events: readonly HistoryEvent[] })[] = [];
  const past = (length = entries.length): Past => {
    const kept = entries.slice(0, length);
    return structuredClone({
      stimuli: kept.flatMap((entry) => ("stimulus" in entry ? [entry.stimulus] : [])),
      events: kept.flatMap((entry) => ("events" in entry ? entry.events : [])),
    });
  };
  const journal = {
    stimulus: (stimulus: Stimulus) => void entries.push({ stimulus }),
    events: (events: readonly HistoryEvent[]) => void entries.push({ events }),
  };
  return { entries, journal, past };
}

/** Tasks that take a while, fail now and then, and complete their tokens a while later: all by chance. */
function chancyTasks(
  clock: ReturnType<typeof createVirtualClock>,
  tokens: TaskTokens,
  seed: number,
): TaskRunner {
  const random = seeded(seed);
  return async ({ token, arguments: given }) => {
    const [pause, later, luck] = [random() * 3000, random() * 5000, random()];
    if (token !== undefined && luck > 0.2) {
      void sleep(clock, later).then(() => {
        try {
          if (luck > 0.9) tokens.fail(token, "Boom", "by chance");
          else tokens.succeed(token, JSON.stringify({ luck }));
        } catch {
          // The task has timed out meanwhile.
        }
      });
    }
    await sleep(clock, Math.floor(pause / 1000) * 1000);
    if (luck < 0.15) throw new TaskError("Boom", "by chance");
    return given;
  };
}

function options(definition: Definition, clock: ReturnType<typeof createVirtualClock>, seed: number) {
  return {
    machine: parseStateMachine(definition),
    input: { items: [1, 2, 3] },
    clock,
    region: "eu-central-1",
    seed: `seed ${seed}`,
    startedAt: start,
    context: {
      executionArn: "arn:aws:states:eu-central-1:000000000000:execution:m:e",
      executionName: "e",
      stateMachineArn: "arn:aws:states:eu-central-1:000000000000:stateMachine:m",
      stateMachineName: "m",
      roleArn: "arn:aws:iam::000000000000:role/m",
    },
  };
}

function started(execution: Execution | undefined): Execution {
  if (execution === undefined) throw new TypeError("Nothing was started.");
  return execution;
}

/** Records one run of a machine to its end. */
async function recordRun(definition: Definition, seed: number) {
  const clock = createVirtualClock({ start });
  const tokens = new TaskTokens(seeded(0));
  const record = createRecord();
  const execution = recordExecution({
    ...options(definition, clock, seed),
    tokens,
    tasks: chancyTasks(clock, tokens, seed),
    journal: record.journal,
  });
  const result = await clock.runUntil(started(execution).result);
  return { result, record };
}

const retry = [{ ErrorEquals: ["Boom"], IntervalSeconds: 2, MaxAttempts: 2, JitterStrategy: "FULL" }];
const task = (members: JsonObject = {}): JsonObject => ({
  Type: "Task",
  Resource: LAMBDA,
  Arguments: { FunctionName: "f", Payload: "{% [$uuid(), $random(), $millis(), $now()] %}" },
  Retry: retry,
  ...members,
});
const callback = task({ Resource: CALLBACK, TimeoutSeconds: 4 });
/** A step of a machine that chance made up. */
type Step =
  | { kind: "pass" | "task" | "callback" | "heartbeat" }
  | { kind: "wait"; seconds: number }
  | { kind: "parallel"; flows: Step[][] }
  | { kind: "map"; flow: Step[]; concurrency: number };

const steps = fc.letrec<{ step: Step; flow: Step[] }>((tie) => ({
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Step>({ kind: "pass" }, { kind: "task" }, { kind: "callback" }, { kind: "heartbeat" }),
    fc.record({ kind: fc.constant("wait"), seconds: fc.integer({ min: 0, max: 5 }) }),
    fc.record({
      kind: fc.constant("parallel"),
      flows: fc.array(tie("flow"), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("map"),
      flow: tie("flow"),
      concurrency: fc.integer({ min: 0, max: 2 }),
    }),
  ),
  flow: fc.array(tie("step"), { minLength: 1, maxLength: 3 }),
}));

/** Makes a machine of steps; what fails is caught, and the next step is taken all the same. */
function machineOfSteps(flow: readonly Step[]): Definition {
  let count = 0;
  const stateOf = (step: Step): JsonObject => {
    switch (step.kind) {
      case "pass":
        return {
          Type: "Pass",
          Assign: { [`x${count++}`]: "{% $uuid() %}" },
          Output: "{% [$random(), $millis()] %}",
        };
      case "task":
        return task();
      case "callback":
        return callback;
      case "heartbeat":
        return { ...callback, HeartbeatSeconds: 1 };
      case "wait":
        return { Type: "Wait", Seconds: step.seconds };
      case "parallel":
        return { Type: "Parallel", Branches: step.flows.map(flowOf) };
      case "map":
        return {
          ...{ Type: "Map", Items: [1, 2, 3], MaxConcurrency: step.concurrency },
          ...{ ToleratedFailureCount: 1, ItemProcessor: flowOf(step.flow) },
        };
    }
  };
  const flowOf = (list: readonly Step[]): JsonObject => {
    const names = list.map(() => `S${count++}`);
    const end = `End${count++}`;
    const states: Record<string, Json> = { [end]: { Type: "Pass", End: true } };
    for (const [index, step] of list.entries()) {
      const Next = names[index + 1] ?? end;
      const canFail = step.kind !== "pass" && step.kind !== "wait";
      const Catch = canFail ? { Catch: [{ ErrorEquals: ["States.ALL"], Next }] } : {};
      states[names[index] ?? ""] = { ...stateOf(step), ...Catch, Next };
    }
    return { StartAt: names[0] ?? end, States: states };
  };
  return { QueryLanguage: "JSONata", ...flowOf(flow) };
}

describe("an execution that is run again", () => {
  it("stands, wherever its record was cut, where it was: the same history, and it goes on to an end", async () => {
    await fc.assert(
      fc.asyncProperty(steps.flow, fc.nat(), fc.nat(), async (flow, seed, cut) => {
        const definition = machineOfSteps(flow);
        const { result, record } = await recordRun(definition, seed);
        const past = record.past(cut % (record.entries.length + 1));
        const last = past.stimuli.at(-1)?.at ?? start;
        // Whatever the hour at which it is run again.
        const clock = createVirtualClock({ start: last + (seed % 10_000) });
        const tokens = new TaskTokens(seeded(1));
        const after = createRecord();
        const replayed = await clock.runUntil(
          replayExecution(
            {
              ...options(definition, clock, seed),
              tokens,
              tasks: chancyTasks(clock, tokens, seed + 1),
              journal: after.journal,
            },
            past,
          ),
        );
        const stands = replayed.execution.history;
        expect(stands.slice(0, past.events.length)).toEqual(past.events);
        expect(result.history.slice(0, stands.length)).toEqual(stands);
        replayed.goOn(async () => {
          throw new TaskError("Runtime.ExitError", "its process was killed");
        });
        const end = await clock.runUntil(replayed.execution.result);
        expect(["SUCCEEDED", "FAILED"]).toContain(end.status);
        expect(end.history.slice(0, past.events.length)).toEqual(past.events);
        // What was recorded before and after is again a whole record.
        const whole = {
          stimuli: [...past.stimuli, ...after.past().stimuli],
          events: [...past.events, ...after.past().events],
        };
        expect(whole.events).toEqual(end.history);
        const again = await clock.runUntil(
          replayExecution(
            {
              ...options(definition, clock, seed),
              tokens: new TaskTokens(seeded(2)),
              tasks: async () => null,
              journal: createRecord().journal,
            },
            whole,
          ),
        );
        expect(await clock.runUntil(again.execution.result)).toMatchObject({ status: end.status });
        expect(again.execution.history).toEqual(end.history);
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is run again", () => {
  const waiting = machineOf({
    Ask: { Type: "Task", Resource: CALLBACK, Arguments: { FunctionName: "f" }, Next: "Rest" },
    Rest: { Type: "Wait", Seconds: 60, End: true },
  });

  it("has the same task token, which completes the task", async () => {
    const clock = createVirtualClock({ start });
    const record = createRecord();
    const first = new TaskTokens(seeded(0));
    let token = "";
    recordExecution({
      ...options(waiting, clock, 1),
      tokens: first,
      tasks: async (attempt) => {
        token = attempt.token ?? "";
        return {};
      },
      journal: record.journal,
    });
    await clock.advance(1000);
    const tokens = new TaskTokens(seeded(5));
    const replayed = await clock.runUntil(
      replayExecution(
        { ...options(waiting, clock, 1), tokens, tasks: async () => null, journal: record.journal },
        record.past(),
      ),
    );
    replayed.goOn(async () => null);
    tokens.succeed(token, '"yes"');
    expect(() => tokens.succeed(token, '"twice"')).toThrow("already been closed");
    expect(await clock.runUntil(replayed.execution.result)).toMatchObject({
      status: "SUCCEEDED",
      output: "yes",
    });
    expect(clock.now()).toBe(start + 61_000);
  });

  it("fires at once the timers whose time passed while nobody was there", async () => {
    const clock = createVirtualClock({ start });
    const record = createRecord();
    const rest = machineOf({ Rest: { Type: "Wait", Seconds: 60, End: true } });
    const tokens = new TaskTokens(seeded(0));
    const parts = { ...options(rest, clock, 1), tokens, tasks: async () => null, journal: record.journal };
    recordExecution(parts);
    await clock.advance(1000);
    const later = createVirtualClock({ start: start + 3_600_000 });
    const replayed = await later.runUntil(replayExecution({ ...parts, clock: later }, record.past()));
    replayed.goOn(async () => null);
    const { history } = await later.runUntil(replayed.execution.result);
    expect(history.map(({ type, timestamp }) => [type, timestamp - start])).toEqual([
      ["ExecutionStarted", 0],
      ["WaitStateEntered", 0],
      ["WaitStateExited", 3_600_000],
      ["ExecutionSucceeded", 3_600_000],
    ]);
  });

  it("is refused when it does not do what was recorded", async () => {
    const clock = createVirtualClock({ start });
    const record = createRecord();
    const tokens = new TaskTokens(seeded(0));
    const parts = { ...options(waiting, clock, 1), tokens, tasks: async () => null, journal: record.journal };
    recordExecution(parts);
    await clock.advance(1000);
    const other = parseStateMachine(machineOf({ Other: { Type: "Wait", Seconds: 60, End: true } }));
    const replaying = replayExecution({ ...parts, machine: other }, record.past());
    await expect(clock.runUntil(replaying)).rejects.toThrow(ReplayDivergedError);
  });
});
