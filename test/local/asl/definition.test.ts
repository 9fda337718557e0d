import { describe, expect, it } from "vitest";
import { InvalidDefinitionError, parseStateMachine } from "../../../local/asl/index.ts";
import { LAMBDA, machineOf } from "./machine.ts";

function problems(definition: Parameters<typeof parseStateMachine>[0]) {
  try {
    parseStateMachine(definition);
    return [];
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return error.problems;
    throw error;
  }
}

const pass = { Type: "Pass", End: true };
const task = { Type: "Task", Resource: LAMBDA, Arguments: { FunctionName: "f" }, End: true };

describe("a definition is refused, with the place and the reason", () => {
  it.each([
    ["no JSON", "{", "Definition must be a valid JSON object", undefined],
    ["no states", { QueryLanguage: "JSONata", StartAt: "A" }, "These fields are required: [States]", "/"],
    [
      "an unknown field",
      machineOf({ A: { ...pass, Retires: [] } }),
      "Field 'Retires' is not supported",
      "/States/A/Retires",
    ],
    [
      "a JSONPath field",
      machineOf({ A: { ...pass, ResultPath: "$" } }),
      "Field 'ResultPath' is not supported when",
      "/States/A/ResultPath",
    ],
    ["an unknown type", machineOf({ A: { Type: "Jump" } }), "Value is not valid", "/States/A/Type"],
    [
      "a missing target",
      machineOf({ A: { Type: "Pass", Next: "B" } }),
      "Missing 'Next' target: B",
      "/States/A/Next",
    ],
    ["an unreachable state", machineOf({ A: pass, B: pass }), 'State "B" is not reachable', "/States/B"],
    [
      "neither Next nor End",
      machineOf({ A: { Type: "Pass" } }),
      "Exactly one of the fields [Next, End]",
      "/States/A",
    ],
    ["a long name", machineOf({ ["x".repeat(81)]: pass }), "between 1 and 80", `/States/${"x".repeat(81)}`],
    [
      "a broken expression",
      machineOf({ A: { ...pass, Output: "{% 1 + %}" } }),
      "is not valid",
      "/States/A/Output",
    ],
    [
      "an unclosed expression",
      machineOf({ A: { ...pass, Output: "{% 1" } }),
      "must start with '{%'",
      "/States/A/Output",
    ],
    [
      "the root input",
      machineOf({ A: { ...pass, Output: "{% $.a %}" } }),
      "'$' and '$$'",
      "/States/A/Output",
    ],
    [
      "$eval",
      machineOf({ A: { ...pass, Output: "{% $eval('1') %}" } }),
      "$eval is not supported",
      "/States/A/Output",
    ],
    [
      "JSONata that is too new",
      machineOf({ A: { ...pass, Output: "{% $x ?? 1 %}" } }),
      "S0211",
      "/States/A/Output",
    ],
    [
      "a reserved variable",
      machineOf({ A: { ...pass, Assign: { states: 1 } } }),
      "reserved",
      "/States/A/Assign/states",
    ],
    [
      "a heartbeat as long as the timeout",
      machineOf({ A: { ...task, TimeoutSeconds: 5, HeartbeatSeconds: 5 } }),
      "must be smaller",
      "/States/A/HeartbeatSeconds",
    ],
    [
      "a retrier without errors",
      machineOf({ A: { ...task, Retry: [{}] } }),
      "at least one error name",
      "/States/A/Retry[0]/ErrorEquals",
    ],
    [
      "States.ALL that is not last",
      machineOf({ A: { ...task, Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["A"] }] } }),
      "States.ALL must appear alone",
      "/States/A/Retry[0]/ErrorEquals",
    ],
    [
      "a bad resource",
      machineOf({ A: { ...task, Resource: "lambda" } }),
      "is not recognized",
      "/States/A/Resource",
    ],
    [
      "a choice without rules",
      machineOf({ A: { Type: "Choice", Choices: [], Default: "B" }, B: pass }),
      "at least one rule",
      "/States/A/Choices",
    ],
    [
      "a wait without an end",
      machineOf({ A: { Type: "Wait", End: true } }),
      "[Seconds, Timestamp]",
      "/States/A",
    ],
    [
      "a date without a zone",
      machineOf({ A: { Type: "Wait", Timestamp: "2026-12-05T21:29:29", End: true } }),
      "RFC3339",
      "/States/A/Timestamp",
    ],
  ])("%s", (_what, definition, message, location) => {
    const found = problems(definition);
    const match = found.find((problem) => problem.message.includes(message));
    expect(match, JSON.stringify(found)).toBeDefined();
    expect(match?.location).toBe(location);
  });

  it("names a duplicate state in another branch", () => {
    const branch = { StartAt: "Same", States: { Same: pass } };
    const found = problems(machineOf({ Both: { Type: "Parallel", Branches: [branch, branch], End: true } }));
    expect(found).toMatchObject([
      { code: "DUPLICATE_STATE_NAME", location: "/States/Both/Branches[1]/States/Same" },
    ]);
  });

  it("does not let a transition leave its branch", () => {
    const branch = { StartAt: "In", States: { In: { Type: "Pass", Next: "Out" } } };
    const found = problems(
      machineOf({ P: { Type: "Parallel", Branches: [branch], Next: "Out" }, Out: pass }),
    );
    expect(found).toMatchObject([
      { code: "MISSING_TRANSITION_TARGET", location: "/States/P/Branches[0]/States/In/Next" },
    ]);
  });

  it("does not let an inner scope assign an outer variable, but a Catcher's name is free inside", () => {
    const branch = (variable: string) => ({
      StartAt: "In",
      States: { In: { ...pass, Assign: { [variable]: 1 } } },
    });
    const parallel = (variable: string) =>
      machineOf({
        First: { Type: "Pass", Assign: { outer: 1 }, Next: "P" },
        P: {
          Type: "Parallel",
          Branches: [branch(variable)],
          Catch: [{ ErrorEquals: ["States.ALL"], Assign: { caught: 1 }, Next: "Done" }],
          Next: "Done",
        },
        Done: pass,
      });
    expect(problems(parallel("outer"))[0]?.message).toContain("assigned by the outer state 'First'");
    expect(problems(parallel("caught"))).toEqual([]);
  });

  it.each([
    ["JSONPath", { StartAt: "A", States: { A: pass } }],
    ["Credentials", machineOf({ A: { ...task, Credentials: { RoleArn: "arn" } } })],
    ["Activities", machineOf({ A: { ...task, Resource: "arn:aws:states:us-east-1:1:activity:a" } })],
    [
      "Distributed Map",
      machineOf({
        A: {
          Type: "Map",
          ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "B", States: { B: pass } },
          End: true,
        },
      }),
    ],
  ])("names the unsupported feature %s", (feature, definition) => {
    expect(problems(definition)).toContainEqual(expect.objectContaining({ feature }));
  });

  it("lets a state choose JSONata where the machine has not, but not the other way round", () => {
    expect(problems({ StartAt: "A", States: { A: { ...pass, QueryLanguage: "JSONata" } } })).toEqual([]);
    expect(problems(machineOf({ A: { ...pass, QueryLanguage: "JSONPath" } }))[0]?.message).toBe(
      "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
    );
  });

  it("leaves the definition as it was", () => {
    const definition = machineOf({ A: { ...pass, Output: { a: "{% 1 %}" } } });
    const before = structuredClone(definition);
    parseStateMachine(definition);
    expect(definition).toEqual(before);
  });
});
