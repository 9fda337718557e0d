import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { renderStatus } from "../../cli/environment-status.ts";
import { shown, shownJson } from "../../cli/lines.ts";
import { renderLine, renderPlaces } from "../../cli/log-places.ts";
import { createProgress } from "../../cli/progress.ts";
import { type Report, renderReport } from "../../cli/report.ts";
import type { EnvironmentRecord } from "../../core/records.ts";
import type { ServiceEvent } from "../../local/world.ts";

// What builds, images and people say reaches the terminal as words, and never as commands; nor with a secret.

/** Colours are ours; without them every sequence is a stranger's. */
beforeEach(() => void vi.stubEnv("NO_COLOR", "1"));
afterEach(() => void vi.unstubAllEnvs());

const secret = "hunter22hunter22";
const digest = `sha256:${"0".repeat(64)}`;
const image = { repository: "web", digest, uri: `web@${digest}` };
const steering = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Holds what is shown to one line each, without commands and without the secret. */
function expectHarmless(lines: readonly string[]): void {
  for (const line of lines) {
    expect(line).not.toMatch(steering);
    expect(line).not.toContain(secret);
  }
}

/** What a program may print to take a terminal over, to hide what it did, or because it cannot reach its database. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\u001b[2J\u001b[1;1H",
        "\u001b]0;all is well\u0007",
        "\u001b]52;c;cm0gLXJmIC8=\u001b\\",
        "\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\",
        "\u001bP+q544e\u001b\\",
        "\u001b[?1049h",
        "\u001b[6n",
        "\u001b",
        "\u009b31m",
        "\u009d0;title\u009c",
        "all passed\rFAILED",
        "FAILED\b\b\b\b\b\bPASSED",
        "\u202egnp.exe",
        "\u2066\u2069",
        "\t\v\f\u0085\0",
        "x".repeat(20_000),
        ` DATABASE_URL=postgres://web:${secret}@db/web `,
        ` PASS\u001b[0mWORD=${secret} `,
        ` password: "${secret}" `,
      ),
      fc.string({ unit: "binary", maxLength: 20 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join(""));

describe("the terminal", () => {
  it("shows a line of any log as one line of words", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expectHarmless([renderLine({ at: 0, text })]);
        expectHarmless(shown(text).split("\n"));
      }),
    );
  });

  it("shows events of any content", () => {
    const types = fc.constantFrom(
      "ECR Image Action",
      "CodeBuild Build State Change",
      "ECS Task State Change",
      "AppRunner Service Operation Status Change",
      "Step Functions Execution Status Change",
    );
    const detail = fc.record({
      "repository-name": hostile,
      "image-tag": hostile,
      "image-digest": hostile,
      "project-name": hostile,
      "build-status": fc.constantFrom("IN_PROGRESS", "SUCCEEDED"),
      lastStatus: fc.constantFrom("RUNNING", "STOPPED"),
      group: hostile,
      stoppedReason: hostile,
      serviceName: hostile,
      operationStatus: hostile,
      stateMachineArn: hostile,
      name: hostile,
      status: hostile,
    });
    fc.assert(
      fc.property(types, detail, hostile, (type, content, words) => {
        const lines: string[] = [];
        const progress = createProgress(
          (line) => lines.push(line),
          () => 0,
        );
        const event: ServiceEvent = {
          source: "aws.x",
          "detail-type": type,
          resources: [words],
          detail: content,
        };
        progress.onEvent(event);
        progress.onFault("x", new Error(words));
        expectHarmless(lines.flatMap((line) => line.split("\n")));
      }),
    );
  });

  it("shows reports, places of logs and the status, whatever is on record", () => {
    fc.assert(
      fc.property(hostile, (words) => {
        const environment = { outcome: "RolledBack", digest: "sha256:0", commit: words, schema: words };
        const report: Report = {
          ...{ outcome: "RolledBack", release: "web-1", reason: words, stages: [], timings: {} },
          environments: { production: environment },
        };
        const place = { name: words, environment: undefined, state: words, group: "g", stream: "s" };
        const quarantine = {
          ...{ service: "web", environment: "production", digest: "sha256:0", release: "web-1" },
          ...{ verdict: "unhealthy" as const, since: 0, reason: words },
        };
        const since = { since: 0, reason: words };
        const waits = { release: words, attempt: 1, execution: words };
        const held: EnvironmentRecord = {
          ...{ service: "web", environment: "production", fence: 1, images: [words], tasks: [words] },
          live: { release: words, image, commit: words, sequence: 1, schema: words, since: 0 },
          lease: { owner: words, release: words, fence: 1, ...since },
          next: { ...waits, sequence: 1, openedAt: 0, since: 0, why: words },
          ahead: { ...waits, ...since },
          stopped: { by: words, ...since },
          frozen: { release: words, ...since },
          hold: { release: words, sequence: 1, ...since },
          drift: { release: words, differences: [words], since: 0, told: true },
        };
        const free: EnvironmentRecord = {
          ...{ service: "web", environment: "staging", fence: 1 },
          freed: { owner: words, release: words, fence: 1, at: 0, reason: words },
        };
        const status = renderStatus([
          {
            service: "web",
            environments: [held, free],
            quarantined: [quarantine],
            open: [
              {
                ...{ id: "web-2", trigger: "push", commit: words, openedAt: 0, executionArn: "arn" },
                cancelled: { at: 0, by: "arn", reason: words },
              },
            ],
          },
        ]);
        for (const text of [renderReport(report), renderPlaces("web-1", [place]), status])
          expectHarmless(text.split("\n"));
      }),
    );
  });

  it("shows records as JSON that means the same and steers nothing", () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.jsonValue()), (value) => {
        const text = shownJson(value);
        expect(text).not.toMatch(steering);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
