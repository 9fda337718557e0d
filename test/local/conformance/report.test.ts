import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isClean, judgeFolder, renderReport } from "../../../local/conformance/report.ts";

const passing = {
  id: "pass",
  kind: "history",
  definition: {
    QueryLanguage: "JSONata",
    StartAt: "A",
    States: { A: { Type: "Pass", Output: { at: "{% $states.input.at %}", id: "{% $uuid() %}" }, End: true } },
  },
  input: { at: "2026-11-24T00:00:00Z" },
  taskResults: [],
  historyOrder: "exact",
  placeholders: ["<uuid:1>"],
  expected: {
    status: "SUCCEEDED",
    output: { at: "date", id: "<uuid:1>" },
    history: [
      { id: 1, previousEventId: 0, type: "ExecutionStarted", details: { input: { at: "date" } } },
      { id: 2, previousEventId: 0, type: "PassStateEntered", details: { name: "A", input: { at: "date" } } },
      {
        id: 3,
        previousEventId: 2,
        type: "PassStateExited",
        details: { name: "A", output: { at: "date", id: "<uuid:1>" } },
      },
      {
        id: 4,
        previousEventId: 3,
        type: "ExecutionSucceeded",
        details: { output: { at: "date", id: "<uuid:1>" } },
      },
    ],
  },
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "recordings-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, ...lines: object[]): void {
  writeFileSync(join(folder, file), lines.map((line) => JSON.stringify(line)).join("\n"));
}

describe("the report on recordings", () => {
  it("passes what agrees but for the recorder's replacements", async () => {
    write("stepfunctions.jsonl", passing);
    const reports = await judgeFolder(folder);
    expect(renderReport(reports)).toBe("stepfunctions.jsonl: 1 passed, 0 failed, 0 unsupported");
    expect(isClean(reports)).toBe(true);
  });

  it("shows the first difference of a failure", async () => {
    const [first, second, third] = passing.expected.history;
    const history = [
      first,
      second,
      third,
      { id: 4, previousEventId: 2, type: "ExecutionSucceeded", details: {} },
    ];
    write("stepfunctions.jsonl", { ...passing, expected: { ...passing.expected, history } });
    const reports = await judgeFolder(folder);
    expect(isClean(reports)).toBe(false);
    expect(renderReport(reports)).toContain("event 4.previousEventId: expected 2, but got 3");
  });

  it("counts what is not supported by feature", async () => {
    write(
      "stepfunctions.jsonl",
      { ...passing, definition: { ...passing.definition, QueryLanguage: "JSONPath" } },
      { ...passing, kind: "express-sync" },
    );
    const text = renderReport(await judgeFolder(folder));
    expect(text).toContain("unsupported: JSONPath 1");
    expect(text).toContain("unsupported: Express workflows 1");
  });

  it("judges event patterns, transformers and definitions too", async () => {
    const event = { source: "a", detail: { n: 1 } };
    const pattern = { pattern: { source: ["a"] }, event, via: "PutEvents" };
    write(
      "event-patterns.jsonl",
      { id: "1", ...pattern, expected: "match" },
      { id: "2", ...pattern, expected: "no-match" },
    );
    write("input-transformers.jsonl", {
      id: "3",
      event,
      inputPath: "$.detail",
      delivered: true,
      expectedTargetInput: { n: 1 },
    });
    write("validation.jsonl", {
      id: "4",
      definitionText: " ",
      expected: {
        diagnostics: [
          { code: "SCHEMA_VALIDATION_FAILED", message: "Definition must be a valid JSON object" },
        ],
      },
    });
    expect(renderReport(await judgeFolder(folder)).split("\n")).toEqual([
      "event-patterns.jsonl: 1 passed, 1 failed, 0 unsupported",
      "  failed: 2",
      '    .answer: expected "no-match", but got "match"',
      "input-transformers.jsonl: 1 passed, 0 failed, 0 unsupported",
      "validation.jsonl: 1 passed, 0 failed, 0 unsupported",
    ]);
  });

  it("refuses a folder that is missing or empty", async () => {
    await expect(judgeFolder(join(folder, "none"))).rejects.toThrow("There is no folder");
    await expect(judgeFolder(folder)).rejects.toThrow("holds no recordings");
  });
});
