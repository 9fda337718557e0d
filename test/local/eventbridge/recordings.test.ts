import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compilePattern } from "../../../local/eventbridge/pattern.ts";
import { checkTargetInput, renderTargetInput } from "../../../local/eventbridge/transformer.ts";

const folder = join(import.meta.dirname, "../../../../shared/asl-recordings");

function lines(name: string) {
  return readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** Placeholders stand for something else in the same place. */
function withoutPlaceholders(text: string): string {
  return text.replace(/<[^<>]*>/g, "?").replace(/arn:[^:]*:events:[^:]*:/g, "arn:?:events:?:");
}

describe.skipIf(!existsSync(folder))("what AWS was recorded to do with event patterns", () => {
  for (const recorded of existsSync(folder) ? lines("event-patterns.jsonl") : []) {
    if (recorded.expected === "invalid-event") continue;
    it(recorded.id, () => {
      const text =
        recorded.patternText ??
        JSON.stringify(recorded.pattern).replace(/([:,])(?=["[{\d-]|null|true|false)/g, "$1");
      if (recorded.expected !== "invalid") {
        expect(compilePattern(text).matches(recorded.event)).toBe(recorded.expected === "match");
        return;
      }
      const error = (() => {
        try {
          compilePattern(recorded.patternText ?? spaced(recorded.pattern));
        } catch (reason) {
          return reason;
        }
        return undefined;
      })();
      expect(error).toMatchObject({ name: "InvalidEventPatternException" });
      expect(withoutPlaceholders(String((error as Error).message))).toBe(
        withoutPlaceholders(recorded.error.message),
      );
    });
  }
});

/** The recorded patterns were sent as Python writes JSON: a blank after each comma and colon. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, member]) => `${JSON.stringify(key)}: ${spaced(member)}`)
      .join(", ")}}`;
  }
  return JSON.stringify(value);
}

describe.skipIf(!existsSync(folder))("what AWS was recorded to do with input transformers", () => {
  for (const recorded of existsSync(folder) ? lines("input-transformers.jsonl") : []) {
    it(recorded.id, () => {
      const target = {
        inputPath: recorded.inputPath ?? undefined,
        inputTransformer:
          recorded.inputTemplate === null
            ? undefined
            : { inputPathsMap: recorded.inputPathsMap ?? {}, inputTemplate: recorded.inputTemplate },
      };
      if (recorded.error) {
        expect(() => checkTargetInput(target, "<target-id>")).toThrow(
          expect.objectContaining({ name: recorded.error.code, message: recorded.error.message }),
        );
        return;
      }
      checkTargetInput(target, "target");
      const predefined = recorded.predefined ?? { ruleArn: "", ruleName: "", ingestionTime: "date" };
      const rendered = renderTargetInput(target, recorded.event, predefined);
      expect(rendered !== undefined).toBe(recorded.delivered);
      if (recorded.expectedTargetInputText !== null) expect(rendered).toBe(recorded.expectedTargetInputText);
      else if (rendered !== undefined) expect(JSON.parse(rendered)).toEqual(recorded.expectedTargetInput);
    });
  }
});
