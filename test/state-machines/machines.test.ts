import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { lint } from "./lint.ts";
import { parseMachine } from "./states.ts";

/** It has no types of its own. */
const validate: (definition: unknown) => { isValid: boolean; errors: unknown[] } = createRequire(
  import.meta.url,
)("asl-validator");

const root = resolve(import.meta.dirname, "../..");
const machines = readdirSync(join(root, "state-machines")).filter((file) => file.endsWith(".asl.json"));

const errorNames = [
  ...readFileSync(join(root, "core/errors.ts"), "utf8").matchAll(/^ {2}\| "([A-Z]\w+)"/gm),
].map(([, name = ""]) => name);

/** The error names that stand in our sources elsewhere than in their declaration and in a comparison. */
const thrown = new Set(
  ["functions", "aws", "core"]
    .flatMap((room) => readdirSync(join(root, room)).map((file) => join(root, room, file)))
    .filter((file) => !file.endsWith("core/errors.ts"))
    .flatMap((file) => [...readFileSync(file, "utf8").matchAll(/(?<![=!]== )"([A-Z]\w+)"/g)])
    .map(([, name = ""]) => name)
    .filter((name) => errorNames.includes(name)),
);

it("every error that we name is one that a function or a Fail state throws", () => {
  const failing = machines.flatMap((file) =>
    [...readFileSync(join(root, "state-machines", file), "utf8").matchAll(/"Error": "(\w+)"/g)].map(
      ([, name = ""]) => name,
    ),
  );
  expect(errorNames.length).toBeGreaterThan(30);
  expect(errorNames.filter((name) => !thrown.has(name) && !failing.includes(name))).toEqual([]);
});

it("a release waits for its migration image as long as MigrationImageMissing says: 15 minutes", () => {
  const { States } = JSON.parse(readFileSync(join(root, "state-machines/release.asl.json"), "utf8"));
  const retry = States.AdmitRelease.Retry.find(({ ErrorEquals }: { ErrorEquals: string[] }) =>
    ErrorEquals.includes("MigrationImageMissing"),
  );
  const delays = Array.from({ length: retry.MaxAttempts }, (_, attempt) =>
    Math.min(retry.IntervalSeconds * retry.BackoffRate ** attempt, retry.MaxDelaySeconds),
  );
  // With full jitter a delay may be anything down to nothing.
  expect(retry.JitterStrategy).toBe("NONE");
  expect(delays.reduce((sum, seconds) => sum + seconds)).toBeGreaterThanOrEqual(15 * 60);
});

describe.each(machines)("%s", (file) => {
  const text = readFileSync(join(root, "state-machines", file), "utf8");

  it("is a valid state machine", () => {
    const { isValid, errors } = validate(JSON.parse(text));
    expect(errors).toEqual([]);
    expect(isValid).toBe(true);
  });

  it("reads nothing that may be missing, waits for nothing that cannot come, names no error that nobody throws", () => {
    expect(lint(parseMachine(text), thrown)).toEqual([]);
  });
});

/** A machine of one task between a start and an end; `task` replaces fields of the task. */
function machine(task: object, start: object = {}) {
  return parseMachine(
    JSON.stringify({
      StartAt: "Begin",
      States: {
        Begin: { Type: "Pass", Assign: { release: "{% $states.input.release %}" }, Next: "Work", ...start },
        Work: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke",
          Arguments: { Payload: "{% $release %}" },
          Next: "End",
          ...task,
        },
        End: { Type: "Succeed" },
      },
    }),
  );
}

describe("the check of state machines", () => {
  const mistakes: [string, object, string][] = [
    [
      "an unknown variable",
      { Arguments: { Payload: "{% $relase %}" } },
      "Work: Arguments reads $relase, which may have no value here",
    ],
    [
      "a result where there is none yet",
      { Arguments: { Payload: "{% $states.result.Payload %}" } },
      "Work: Arguments reads $states.result, which is not there",
    ],
    [
      "an error outside a Catch",
      { Assign: { cause: "{% $states.errorOutput.Cause %}" } },
      "Work: Assign or Output reads $states.errorOutput, which is not there",
    ],
    [
      "an unknown function",
      { Output: "{% $eval('1') %}" },
      "Work: Assign or Output calls $eval, which nobody has",
    ],
    [
      "a heartbeat that is not below the timeout",
      { HeartbeatSeconds: 60, TimeoutSeconds: 60 },
      "Work: its heartbeat is not below its timeout",
    ],
    [
      "a wait for a token that nobody is given",
      { Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken" },
      "Work: waits for a task token that it gives to nobody",
    ],
    [
      "an error that nobody throws",
      { Retry: [{ ErrorEquals: ["Throtled"] }] },
      "Work: names the error Throtled, which nobody throws",
    ],
    [
      "an inner scope that assigns a variable of an outer one",
      {
        Type: "Map",
        ItemProcessor: {
          StartAt: "Inner",
          States: { Inner: { Type: "Pass", Assign: { release: "again" }, End: true } },
        },
      },
      "Inner: assigns $release, which belongs to an outer scope",
    ],
  ];
  it.each(mistakes)("finds %s", (_, task, problem) => {
    expect(lint(machine(task), new Set(["Throttled"]))).toEqual([problem]);
  });

  it("finds a variable that only one of two ways assigns", () => {
    const choice = {
      Type: "Choice",
      Assign: undefined,
      Next: undefined,
      Choices: [{ Condition: "{% $states.input.known %}", Assign: { release: "r" }, Next: "Work" }],
      Default: "Work",
    };
    expect(lint(machine({}, choice), new Set())).toEqual([
      "Work: Arguments reads $release, which may have no value here",
    ]);
  });

  it("lets an expression bind names of its own", () => {
    const Output = "{% ($double := function($n) { $n * 2 }; $map([1, 2], $double)) %}";
    expect(lint(machine({ Output }), new Set())).toEqual([]);
  });
});
