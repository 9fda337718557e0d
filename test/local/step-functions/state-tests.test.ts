import { TestStateCommand, type TestStateCommandInput } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../local/asl/index.ts";
import { CALLBACK, LAMBDA, machineOf } from "../asl/machine.ts";
import { begin, ROLE } from "./service.ts";

type Others = Partial<Omit<TestStateCommandInput, "definition" | "input">>;

/** What TestState answers about a state. */
function tried(definition: unknown, input: unknown = {}, others: Others = {}, functions = {}) {
  const { client } = begin(functions);
  return client.send(
    new TestStateCommand({
      definition: JSON.stringify(definition),
      input: JSON.stringify(input),
      ...others,
    }),
  );
}

const jsonata = (state: JsonObject) => ({ QueryLanguage: "JSONata", ...state });
const task = (members: JsonObject = {}) =>
  jsonata({
    Type: "Task",
    Resource: LAMBDA,
    Arguments: { FunctionName: "f", Payload: "{% $states.input %}" },
    End: true,
    ...members,
  });
const failure = (error: string) => ({ mock: { errorOutput: { error, cause: "because" } } });

describe("TestState", () => {
  it("gives what a state makes of its input and variables, and where it goes", async () => {
    const choice = jsonata({
      Type: "Choice",
      Choices: [{ Condition: "{% $count > 1 %}", Next: "Many", Assign: { count: 0 } }],
      Default: "Few",
    });
    const variables = JSON.stringify({ count: 2, other: "x" });
    const answer = await tried(choice, { a: 1 }, { variables, inspectionLevel: "DEBUG" });
    expect(answer).toMatchObject({ status: "SUCCEEDED", nextState: "Many", output: '{"a":1}' });
    expect(JSON.parse(answer.inspectionData?.variables ?? "")).toEqual({ count: 0, other: "x" });
  });

  it("takes a mock for what a task gives, and shows what the task would have been given", async () => {
    const state = task({ Assign: { made: "{% $states.result.Payload %}" }, Output: "{% $states.input.a %}" });
    const mock = { result: JSON.stringify({ Payload: { b: 2 }, StatusCode: 200 }) };
    const answer = await tried(state, { a: 1 }, { mock, inspectionLevel: "DEBUG" });
    expect(answer).toMatchObject({
      status: "SUCCEEDED",
      output: "1",
      inspectionData: {
        afterArguments: '{"FunctionName":"f","Payload":{"a":1}}',
        variables: '{"made":{"b":2}}',
      },
    });
    expect(answer.nextState).toBeUndefined();
  });

  it("says that a failure would be tried again, after how long, and when no longer", async () => {
    const state = task({
      Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 2, MaxAttempts: 3, BackoffRate: 2 }],
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "Elsewhere", Output: "{% $states.errorOutput %}" }],
    });
    const again = await tried(
      state,
      {},
      {
        ...failure("Busy"),
        stateConfiguration: { retrierRetryCount: 2 },
        inspectionLevel: "DEBUG",
      },
    );
    expect(again).toMatchObject({
      status: "RETRIABLE",
      error: "Busy",
      inspectionData: { errorDetails: { retryIndex: 0, retryBackoffIntervalSeconds: 8 } },
    });
    const used = await tried(state, {}, { ...failure("Busy"), stateConfiguration: { retrierRetryCount: 3 } });
    expect(used).toMatchObject({
      status: "CAUGHT_ERROR",
      nextState: "Elsewhere",
      output: '{"Error":"Busy","Cause":"because"}',
    });
  });

  it("fails with the error of a mock that nothing takes, and with that of an expression", async () => {
    expect(await tried(task(), {}, failure("Busy"))).toMatchObject({ status: "FAILED", error: "Busy" });
    const broken = task({ Output: "{% $states.result.nothing %}" });
    expect(await tried(broken, {}, { mock: { result: "{}" } })).toMatchObject({
      status: "FAILED",
      error: "States.QueryEvaluationError",
    });
  });

  it("shows a state the context that it is given, the token too", async () => {
    const state = task({
      Resource: CALLBACK,
      Arguments: { FunctionName: "{% $states.context.Task.Token %}" },
    });
    const context = JSON.stringify({ Task: { Token: "abc" } });
    const answer = await tried(state, {}, { mock: { result: "{}" }, context, inspectionLevel: "DEBUG" });
    expect(answer.inspectionData?.afterArguments).toBe('{"FunctionName":"abc"}');
  });

  it("finds a state in a machine, however deep", async () => {
    const inner = { StartAt: "Inner", States: { Inner: { Type: "Pass", Output: 7, End: true } } };
    const machine = machineOf({
      Outer: { Type: "Map", Items: [1], ItemProcessor: inner, Next: "Side" },
      Side: { Type: "Parallel", Branches: [{ StartAt: "B", States: { B: { Type: "Succeed" } } }], End: true },
    });
    expect(await tried(machine, {}, { stateName: "Inner" })).toMatchObject({ output: "7" });
    expect(await tried(machine, [1], { stateName: "B" })).toMatchObject({ output: "[1]" });
    await expect(tried(machine, {}, { stateName: "Nowhere" })).rejects.toThrow(
      "State not found in definition",
    );
  });

  it("tries a Parallel and a Map with the outputs of their branches and iterations", async () => {
    const parallel = jsonata({
      Type: "Parallel",
      Branches: [{ StartAt: "B", States: { B: { Type: "Succeed" } } }],
      Output: "{% $states.result[0] %}",
      Next: "On",
    });
    expect(await tried(parallel, {}, { mock: { result: "[5]" } })).toMatchObject({
      output: "5",
      nextState: "On",
    });
    await expect(tried(parallel, {}, { mock: { result: "[]" } })).rejects.toThrow("same number of items");
    const map = jsonata({
      Type: "Map",
      Items: "{% $states.input.items %}",
      ToleratedFailureCount: 1,
      ItemProcessor: { StartAt: "I", States: { I: { Type: "Succeed" } } },
      End: true,
    });
    const mock = { result: "[1,2]" };
    expect(await tried(map, { items: [1, 2] }, { mock })).toMatchObject({ output: "[1,2]" });
    expect(
      await tried(map, { items: [1, 2] }, { mock, stateConfiguration: { mapIterationFailureCount: 2 } }),
    ).toMatchObject({ status: "FAILED", error: "States.ExceedToleratedFailureThreshold" });
  });

  it("calls a function where there is no mock", async () => {
    const functions = { f: (payload: unknown) => ({ got: payload }) };
    const answer = await tried(task(), { a: 1 }, { roleArn: ROLE }, functions);
    expect(JSON.parse(answer.output ?? "")).toMatchObject({ Payload: { got: { a: 1 } } });
    await expect(tried(task(), {}, {}, functions)).rejects.toThrow("RoleArn must be specified");
    await expect(tried(task({ Resource: CALLBACK }), {}, { roleArn: ROLE })).rejects.toThrow("unless a mock");
  });

  it.each<[string, unknown, Others, string]>([
    ["no JSON", "no object", {}, "JSON object"],
    ["two mocks", task(), { mock: { result: "{}", errorOutput: { error: "E" } } }, "only one of"],
    ["a mock of nothing", task(), { mock: {} }, "one of the following fields"],
    [
      "a mock of a Pass",
      jsonata({ Type: "Pass", End: true }),
      { mock: { result: "{}" } },
      "'Pass' is not supported",
    ],
    [
      "a context without a mock",
      jsonata({ Type: "Pass", End: true }),
      { context: "{}" },
      "a mock is specified",
    ],
    [
      "a wrong context",
      task(),
      { mock: { result: "{}" }, context: '{"Pokedex":{}}' },
      "'Pokedex' is not allowed",
    ],
    ["a broken state", task({ Surprise: 1 }), { mock: { result: "{}" } }, "Surprise"],
    ["a result of the wrong shape", task(), { mock: { result: '{"StatusCode":"200"}' } }, "must be a number"],
  ])("refuses %s", async (_what, definition, others, words) => {
    await expect(tried(definition, {}, others)).rejects.toThrow(words);
  });
});
