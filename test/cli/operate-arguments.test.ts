import { describe, expect, it } from "vitest";
import { operateUsage, readOperateArguments } from "../../cli/operate-arguments.ts";
import { actions, operationExamples, parametersOf } from "../../core/operation.ts";

const read = (line: string) => readOperateArguments(line.split(" "));

describe("npm run operate", () => {
  it("takes what an action is about in order, and a reason", () => {
    const words = ["stop-the-line", "web", "production", "--reason", "an outage", "--as", "ada"];
    expect(readOperateArguments(words)).toMatchObject({
      ask: {
        action: "stop-the-line",
        members: { service: "web", environment: "production", reason: "an outage" },
      },
      as: "ada",
      folder: ".spillway",
    });
    expect(read("stop-the-line web")).toMatchObject({ ask: { members: { service: "web" } } });
    expect(read("audit web")).toMatchObject({ ask: { audit: "web" } });
  });

  it.each(actions)("knows %s by its example", (action) => {
    const { reason: _, ...members } = { reason: "", ...operationExamples[action] };
    const words = parametersOf(action).map(
      ({ name }) => Object.entries(members).find(([one]) => one === name)?.[1],
    );
    expect(readOperateArguments([action, ...words.filter((word) => word !== undefined)])).toMatchObject({
      ask: { action, members },
    });
    expect(operateUsage).toContain(`  ${action} `);
  });

  it.each([
    ["", "There is no"],
    ["dance", "There is no dance"],
    ["approve web-1", "approve takes RELEASE ENVIRONMENT"],
    ["approve web-1 production more", "approve takes RELEASE ENVIRONMENT"],
    ["audit", "audit takes SERVICE"],
    ["approve web-1 production --loud", "--loud"],
  ])("says what is right for %j", (line, words) => {
    expect(() => read(line)).toThrow(words);
    expect(() => read(line)).toThrow("npm run operate --");
  });
});
