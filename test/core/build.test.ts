import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EndedBuild, judgeBuild, lastLines } from "../../core/build.ts";

const failed: EndedBuild = {
  id: "web-unit-tests:1",
  status: "FAILED",
  failed: { phase: "BUILD", message: "Error while executing command: npm test. Reason: exit status 2" },
  startedAt: 0,
  endedAt: 1,
  log: { group: "/aws/codebuild/web-unit-tests", stream: "1" },
  reports: [],
  artifacts: [],
};
const causeOf = (build: EndedBuild, lines: readonly string[]) => {
  const judged = judgeBuild(build, lines);
  return judged.end === "failed" ? judged.cause : judged.end;
};

describe("a build's end", () => {
  it("is told by the failing command, the lines before it ended, and where all of them are", () => {
    const lines = [
      "[Container] 2026/01/01 00:00:00.000000 Running command npm test\n",
      "\u001b[31mnot ok 3\u001b[0m - adds\n",
      "",
      "[Container] 2026/01/01 00:00:01.000000 Phase complete: BUILD State: FAILED\n",
      "cleaning up\n",
    ];
    expect(causeOf(failed, lines)).toBe(
      [
        "build web-unit-tests:1 FAILED in BUILD: Error while executing command: npm test. Reason: exit status 2",
        "  not ok 3 - adds",
        "The whole log:",
        "aws logs get-log-events --log-group-name /aws/codebuild/web-unit-tests --log-stream-name 1 --query 'events[].message' --output text",
      ].join("\n"),
    );
  });

  it("is not the stage's fault when none of its commands has begun", () => {
    const message = "VPC_CLIENT_ERROR: Unexpected EC2 error: RequestLimitExceeded";
    expect(judgeBuild({ ...failed, failed: { phase: "QUEUED", message } }, [])).toMatchObject({
      error: "StageFaulted",
      cause: expect.stringContaining("in QUEUED: VPC_CLIENT_ERROR"),
    });
  });

  it("is CodeBuild's own fault when it says FAULT, so that it may be tried again", () => {
    expect(judgeBuild({ ...failed, status: "FAULT" }, [])).toMatchObject({ error: "StageFaulted" });
    expect(judgeBuild({ ...failed, status: "TIMED_OUT" }, [])).toMatchObject({ error: "StageFailed" });
  });

  it("shows at most fifteen lines, and nothing that could steer a terminal", () => {
    const sequence = fc.constantFrom(
      "\u001b[2J",
      "\u001b]0;title\u0007",
      "\u001b]8;;http://x\u001b\\\\",
      "\u009b1m",
      "\r",
      "\b",
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.oneof(fc.string({ unit: "binary" }), sequence)).map((parts) => parts.join(""))),
        (lines) => {
          const shown = lastLines(lines);
          expect(shown.length).toBeLessThanOrEqual(15);
          for (const line of shown) {
            expect(line).not.toMatch(/\p{Cc}/u);
            expect(line.length).toBeLessThanOrEqual(200);
          }
        },
      ),
    );
    expect(lastLines(["\u001b]0;title\u0007a\tb \u001b[1;31mc\u001b[0m  "])).toEqual(["a  b c"]);
  });

  it("is told without what CodeBuild did not say", () => {
    const bare = { ...failed, failed: undefined, log: undefined };
    expect(causeOf(bare, [])).toBe("build web-unit-tests:1 FAILED");
    expect(judgeBuild(bare, [])).toMatchObject({ error: "StageFailed" });
  });
});
