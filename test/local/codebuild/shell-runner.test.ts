import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRealClock } from "../../../local/asl/index.ts";
import type { BuildProgress, PhaseFailure } from "../../../local/codebuild/runner.ts";
import { createShellRunner } from "../../../local/codebuild/shell-runner.ts";
import type { World } from "../../../local/world.ts";

let folder: string;
let repository: string;
let world: World;
let number = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spillway-codebuild-"));
  repository = join(folder, "repository");
  mkdirSync(repository);
  writeFileSync(join(repository, "greeting.txt"), "hello from the commit\n");
  const git = (...words: string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=t", "-c", "user.email=t@example.com", ...words]);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "-m", "one");
  world = {
    clock: createRealClock(),
    random: Math.random,
    accountId: "000000000000",
    region: "us-east-1",
    endpoint: () => "http://local",
    folder: join(folder, "state"),
    emit: () => {},
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function build(
  buildspec: string,
  options: { version?: string; signal?: AbortSignal; onLine?: (line: string) => void } = {},
) {
  const runner = createShellRunner(world, {
    sources: () => repository,
    path: process.env.PATH ?? "",
    network: {},
    resolveSecret: (reference) => `secret of ${reference}`,
  });
  const lines: string[] = [];
  const phases: Record<string, PhaseFailure | "entered"> = {};
  let resolved: string | undefined;
  let current = "";
  const job = {
    id: `project:${++number}`,
    arn: `arn:${number}`,
    project: "project",
    buildNumber: number,
    startedAt: 0,
    image: undefined,
    source: { type: "GITHUB", location: "https://example.com/web.git", version: options.version },
    buildspec,
    variables: { GIVEN: "by the caller" },
  };
  const progress: BuildProgress = {
    line: (line: string) => {
      lines.push(line);
      options.onLine?.(line);
    },
    enter: (phase) => {
      current = phase;
      phases[phase] = "entered";
    },
    fail: (context) => {
      phases[current] = context;
    },
    resolved: (commit) => {
      resolved = commit;
    },
  };
  const outcome = await runner.run(job, progress, options.signal ?? new AbortController().signal);
  return {
    outcome,
    text: lines.join("\n"),
    lines,
    phases,
    resolved,
  };
}

const spec = (phases: string, rest = "") => `version: 0.2\n${rest}phases:\n${phases}`;

describe("a build", () => {
  it("runs in the commit's files, one shell for all phases, with only the environment it was given", async () => {
    process.env.SPILLWAY_TEST_LEAK = "leaked";
    const { outcome, text, phases, resolved } = await build(
      spec(
        '  install:\n    commands:\n      - export KEPT=kept\n      - mkdir sub && cd sub\n  build:\n    commands:\n      - cat ../greeting.txt\n      - echo "$KEPT $GIVEN $SECRET leak=$SPILLWAY_TEST_LEAK."\n      - export RESULT=42\n',
        "env:\n  secrets-manager:\n    SECRET: web/database\n  exported-variables: [RESULT]\n",
      ),
    );
    delete process.env.SPILLWAY_TEST_LEAK;
    expect(text).toContain("hello from the commit");
    expect(text).toContain("kept by the caller *** leak=.");
    expect(outcome).toMatchObject({
      status: "SUCCEEDED",
      exportedVariables: [{ name: "RESULT", value: "42" }],
    });
    expect(resolved).toMatch(/^[0-9a-f]{40}$/);
    expect(Object.entries(phases)).toEqual(
      ["DOWNLOAD_SOURCE", "INSTALL", "BUILD", "UPLOAD_ARTIFACTS"].map((phase) => [phase, "entered"]),
    );
  });

  it("names the command that failed, runs what must run all the same, and skips the rest", async () => {
    const { outcome, text, phases } = await build(
      spec(
        "  build:\n    commands:\n      - sh -c 'exit 7'\n      - echo never\n    finally:\n      - echo always\n  post_build:\n    commands:\n      - echo succeeding=$CODEBUILD_BUILD_SUCCEEDING\n",
      ),
    );
    expect(outcome.status).toBe("FAILED");
    expect(phases.BUILD).toEqual({
      statusCode: "COMMAND_EXECUTION_ERROR",
      message: "Error while executing command: sh -c 'exit 7'. Reason: exit status 7",
    });
    expect(text).toContain("always");
    expect(text).toContain("succeeding=0");
    expect(text).not.toMatch(/^never$/m);
  });

  it("fails the phase whose command ends the shell itself", async () => {
    const { outcome, phases } = await build(
      spec("  build:\n    commands:\n      - exit 3\n  post_build:\n    commands:\n      - echo after\n"),
    );
    expect(outcome.status).toBe("FAILED");
    expect(phases.BUILD).toMatchObject({ message: expect.stringMatching(/exit status 3/) });
    expect(phases.POST_BUILD).toBeUndefined();
  });

  it("does not build after a failed install", async () => {
    const { text, outcome } = await build(
      spec('  install:\n    commands:\n      - "false"\n  build:\n    commands:\n      - echo built\n'),
    );
    expect(outcome.status).toBe("FAILED");
    expect(text).not.toMatch(/^built$/m);
  });

  it.each([
    ["a buildspec of another version", "version: 0.1\nphases: {}\n", {}, "YAML_FILE_ERROR", /expected 0.2/],
    [
      "a phase that does not exist",
      spec('  biuld:\n    commands: ["true"]\n'),
      {},
      "YAML_FILE_ERROR",
      /biuld: expected install, pre_build, build, post_build/,
    ],
    [
      "a command that YAML reads as a mapping",
      spec("  build:\n    commands:\n      - echo a: b\n"),
      {},
      "YAML_FILE_ERROR",
      /quote a command/,
    ],
    ["a missing file", "no/such/buildspec.yml", {}, "YAML_FILE_ERROR", /has no file/],
    ["a path out of the source", "../../secrets.yml", {}, "YAML_FILE_ERROR", /outside the source/],
    [
      "a commit that is not there",
      spec('  build:\n    commands: ["true"]\n'),
      { version: "0123abc" },
      "GIT_CLONE_FAILED",
      /has no commit 0123abc/,
    ],
    [
      "a commit that is an option",
      spec('  build:\n    commands: ["true"]\n'),
      { version: "--upload-pack=x" },
      "GIT_CLONE_FAILED",
      /is no commit/,
    ],
  ])("ends in DOWNLOAD_SOURCE, in clear words: %s", async (_what, text, options, statusCode, words) => {
    const { outcome, phases } = await build(text, options);
    expect(outcome.status).toBe("FAILED");
    expect(phases.DOWNLOAD_SOURCE).toEqual({ statusCode, message: expect.stringMatching(words) });
  });

  it("keeps terminal escapes out of its log", async () => {
    const { text } = await build(
      spec("  build:\n    commands:\n      - printf '\\033[31mred\\033[0m \\033]0;title\\007bell\\n'\n"),
    );
    expect(text).toContain("red bell");
    expect([...text].some((character) => character !== "\n" && /\p{Cc}/u.test(character))).toBe(false);
  });

  it("stops with everything that it started", async () => {
    const stop = new AbortController();
    let pid = 0;
    const { outcome } = await build(
      spec("  build:\n    commands:\n      - sleep 600 & echo started $!; wait\n"),
      {
        signal: stop.signal,
        onLine: (line) => {
          const found = /^started (\d+)$/.exec(line)?.[1];
          if (found === undefined) return;
          pid = Number(found);
          stop.abort();
        },
      },
    );
    expect(outcome.status).toBe("STOPPED");
    // Where nobody reaps orphans a dead process stays listed as a zombie.
    const state = execFileSync("sh", ["-c", `ps -o stat= -p ${pid} || true`], { encoding: "utf8" }).trim();
    expect(["", "Z"]).toContain(state.slice(0, 1));
  });

  it("keeps cached files from one build to the next, and reports after it", async () => {
    const cached = spec(
      "  build:\n    commands:\n      - mkdir -p kept reports; cat kept/mark 2>/dev/null || echo cold; echo warm > kept/mark; echo '<xml/>' > reports/junit.xml\n",
      "cache:\n  paths: ['kept/**/*']\nreports:\n  tests:\n    files: ['junit.xml']\n    base-directory: reports\n",
    );
    expect((await build(cached)).lines).toContain("cold");
    expect((await build(cached)).lines).toContain("warm");
    const report = join(world.folder, "artifacts", "project", String(number), "tests", "junit.xml");
    expect(readFileSync(report, "utf8")).toBe("<xml/>\n");
    expect(dirname(report)).toContain("artifacts");
  });
});
