import { describe, expect, it } from "vitest";
import { machineOf, run } from "./machine.ts";

/** What a Pass state gives for an Output. */
async function evaluate(output: string, input = {}) {
  const {
    status,
    output: value,
    error,
    cause,
  } = await run(machineOf({ Compute: { Type: "Pass", Output: `{% ${output} %}`, End: true } }), { input });
  return status === "SUCCEEDED" ? value : { error, cause };
}

describe("JSONata as AWS has it", () => {
  it.each([
    ["$partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]],
    ["$range(0, 10, 5)", [0, 5, 10]],
    ["$range(5, 1, -2)", [5, 3, 1]],
    ["$range(1, 9, 9)", 1],
    ["$hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"],
    ["$hash('abc', 'SHA-1')", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["$parse('{\"a\": [1]}')", { a: [1] }],
    ["$random(7) = $random(7)", true],
    ["$millis()", Date.UTC(2026, 10, 24)],
    ["$now()", "2026-11-24T00:00:00.000Z"],
    ["$now('[Y]/[M]')", "2026/11"],
    ["$match($uuid(), /^[0-9a-f-]{36}$/).match ? 'uuid' : 'none'", "uuid"],
    ["$count($shuffle([1, 2, 3]))", 3],
    ["$states.input.list[$ > 1]", [2, 3]],
    ["$states.input.list[$ > 2]", 3],
    ["[$states.input.list[$ > 3]]", []],
    ["$map($states.input.list, function($n) { $n * 2 })", [2, 4, 6]],
    ["$states.input.`a key`", 1],
  ])("%s", async (expression, expected) => {
    expect(await evaluate(expression, { list: [1, 2, 3], "a key": 1 })).toEqual(expected);
  });

  it.each([
    ["$partition([1], 0)", "$partition expects a size of at least 1"],
    ["$range(1, 2, 0)", "$range expects a step other than 0"],
    ["$range(1, 1e9, 1)", "the limit is 1000000"],
    ["$hash('abc', 'CRC')", "MD5, SHA-1, SHA-256, SHA-384, SHA-512"],
    ["$parse('{')", "$parse expects a text that is JSON"],
    ["$unknown(1)", "T1006: Attempted to invoke a non-function"],
    ["$states.input.nothing", "returned nothing (undefined)."],
    ["function($x) { $x }", "returned an unsupported result type."],
    ["'a' + 1", "T2001"],
    ["($f := function($n) { $f($n + 1) }; $f(1))", "more than 500000 steps"],
    ["($f := function($n) { 1 + $f($n + 1) }; $f(1))", "nested more than 2000 deep"],
    ["$sum([1..20000].([1..20000]))", "more than 10000000 items"],
    ["($r := [1..50000]; $count($r.$r))", "more than 10000000 items"],
    ["$count($states.input.list.([1..9000000]))", "more than 10000000 items"],
  ])("%s fails", async (expression, text) => {
    const failure = await evaluate(expression, { list: [1, 2, 3] });
    expect(failure).toMatchObject({ error: "States.QueryEvaluationError" });
    expect(JSON.stringify(failure)).toContain(text);
  });
});
