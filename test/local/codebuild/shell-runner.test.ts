import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  BatchGetBuildsCommand,
  type Build,
  CodeBuildClient,
  CreateProjectCommand,
  StartBuildCommand,
  type StartBuildCommandInput,
  StopBuildCommand,
} from "@aws-sdk/client-codebuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRealClock } from "../../../local/asl/real-clock.ts";
import { createCodeBuild } from "../../../local/codebuild/service.ts";
import { createShellRunner } from "../../../local/codebuild/shell-runner.ts";
import { createGateway } from "../../../local/gateway.ts";
import { createRequestHandler } from "../../../local/handover.ts";
import type { ServiceEvent } from "../../../local/world.ts";
import { createTestWorld } from "../test-world.ts";

const clock = createRealClock();
const location = "https://example.com/web.git";
let folder = "";
let repository = "";
let firstCommit = "";
let codeBuild: ReturnType<typeof createCodeBuild>;
let client: CodeBuildClient;
let lines: string[] = [];
let watchers: (() => void)[] = [];

async function git(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("git", [
    "-C",
    repository,
    ...["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"],
    ...words,
  ]);
  return stdout.trim();
}

beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), "repository-"));
  await git("init", "--quiet");
  await writeFile(join(repository, "greeting.txt"), "hello from the first commit\n");
  await git("add", ".");
  await git("commit", "--quiet", "-m", "one");
  firstCommit = await git("rev-parse", "HEAD");
  await writeFile(join(repository, "greeting.txt"), "hello from the second commit\n");
  await git("commit", "--quiet", "-am", "two");
});
afterAll(() => rm(repository, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "codebuild-"));
  lines = [];
  watchers = [];
  const tell = () => {
    for (const watch of watchers) watch();
  };
  const world = {
    ...createTestWorld(clock, folder),
    emit: (event: ServiceEvent) => {
      if (event["detail-type"] === "CodeBuild Build State Change") tell();
    },
  };
  const resolveSecret = (reference: string) => {
    if (reference.startsWith("missing")) throw new Error(`There is no secret ${reference}.`);
    return `value-of-${reference}`;
  };
  const runner = createShellRunner(world, {
    sources: (wanted) => (wanted === location ? repository : undefined),
    path: process.env.PATH ?? "",
    network: { npm_config_registry: "http://registry.example" },
    resolveSecret,
  });
  const logs = {
    write: (_group: string, _stream: string, line: string) => {
      lines.push(line);
      tell();
    },
  };
  codeBuild = createCodeBuild(world, { runner, logs, resolveSecret });
  client = new CodeBuildClient({
    region: world.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    endpoint: "http://local",
    requestHandler: createRequestHandler(createGateway([codeBuild], { clock, random: world.random }), clock),
  });
  await client.send(
    new CreateProjectCommand({
      name: "web",
      source: { type: "GITHUB", location, buildspec: "buildspec.yml" },
      artifacts: { type: "NO_ARTIFACTS" },
      environment: {
        type: "LINUX_CONTAINER",
        image: "aws/codebuild/standard:7.0",
        computeType: "BUILD_GENERAL1_SMALL",
        environmentVariables: [{ name: "GIVEN", value: "by the project" }],
      },
      serviceRole: "arn:aws:iam::000000000000:role/build",
    }),
  );
});
afterEach(async () => {
  await codeBuild.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function begin(buildspec: string, more: Partial<StartBuildCommandInput> = {}): Promise<string> {
  const input = { projectName: "web", buildspecOverride: buildspec, ...more };
  const { build } = await client.send(new StartBuildCommand(input));
  return build?.id ?? "";
}

async function look(id: string): Promise<Build> {
  const { builds } = await client.send(new BatchGetBuildsCommand({ ids: [id] }));
  return builds?.[0] ?? {};
}

/** Waits until something is told or logged that makes `check` true. */
function until(check: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watch = () => {
      if (check()) resolve();
    };
    watchers.push(watch);
    watch();
  });
}

async function whenEnded(id: string): Promise<Build & { output: string[] }> {
  for (;;) {
    const told = new Promise<void>((resolve) => watchers.push(() => resolve()));
    const build = await look(id);
    if (build.buildComplete === true)
      return { ...build, output: lines.filter((line) => !line.startsWith("[Container]")) };
    await told;
  }
}

const build = async (buildspec: string, more: Partial<StartBuildCommandInput> = {}) =>
  whenEnded(await begin(buildspec, more));

/** A buildspec of phases with commands. */
function spec(phases: Record<string, readonly string[]>, rest: Record<string, unknown> = {}): string {
  const entries = Object.entries(phases).map(([name, commands]) => [name, { commands }]);
  return JSON.stringify({ version: 0.2, phases: Object.fromEntries(entries), ...rest }, null, 2);
}

const phaseOf = ({ phases }: Build, type: string) => phases?.find(({ phaseType }) => phaseType === type);

const isGone = async (pid: number) => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
};

describe("a build in a shell", () => {
  it("runs every phase in one shell, in the commit's files, with CodeBuild's variables", async () => {
    const ended = await build(
      spec(
        {
          install: ["mkdir sub && cd sub", "export KEPT=kept", "plain=also"],
          build: ["cat ../greeting.txt", 'echo "$KEPT $plain $GIVEN $FROM_SPEC $SECRET"'],
          post_build: [
            "echo $CODEBUILD_RESOLVED_SOURCE_VERSION $CODEBUILD_SOURCE_VERSION $CODEBUILD_BUILD_NUMBER",
            "export RESULT='two\nlines'",
          ],
        },
        {
          env: {
            variables: { FROM_SPEC: "by the buildspec", GIVEN: "overridden" },
            "secrets-manager": { SECRET: "database:url" },
            "exported-variables": ["RESULT", "UNSET"],
          },
        },
      ),
      { sourceVersion: firstCommit.slice(0, 10) },
    );
    expect(ended.buildStatus).toBe("SUCCEEDED");
    expect(ended.resolvedSourceVersion).toBe(firstCommit);
    expect(ended.output).toEqual([
      "hello from the first commit",
      "kept also by the project by the buildspec ***",
      `${firstCommit} ${firstCommit.slice(0, 10)} 1`,
    ]);
    expect(ended.exportedEnvironmentVariables).toEqual([
      { name: "RESULT", value: "two\nlines" },
      { name: "UNSET", value: "" },
    ]);
    expect(ended.phases?.map(({ phaseType }) => phaseType).slice(3)).toEqual([
      "DOWNLOAD_SOURCE",
      "INSTALL",
      "PRE_BUILD",
      "BUILD",
      "POST_BUILD",
      "UPLOAD_ARTIFACTS",
      "FINALIZING",
      "COMPLETED",
    ]);
  });

  it("has nothing of our environment, and the pinned Node", async () => {
    process.env.SPILLWAY_TEST_LEAK = "leaked";
    const ended = await build(
      spec({ build: ["env", "node --version", "cat", "test -d $HOME -a -d $TMPDIR"] }),
    );
    delete process.env.SPILLWAY_TEST_LEAK;
    expect(ended.buildStatus).toBe("SUCCEEDED");
    const names = ended.output.filter((line) => line.includes("=")).map((line) => line.split("=")[0]);
    expect(
      names.filter(
        (name) =>
          !/^(AWS_\w+|CODEBUILD_\w+|GIVEN|PATH|HOME|PWD|OLDPWD|SHLVL|_|LANG|CI|TMPDIR|SPILLWAY_IMAGES|npm_config_registry)$/.test(
            name ?? "",
          ),
      ),
    ).toEqual([]);
    expect(ended.output).toContain("AWS_ENDPOINT_URL=http://127.0.0.1:4566");
    expect(ended.output).toContain(process.version);
  });

  it("checks out branches and tags, also commits that no branch reaches any more", async () => {
    await git("checkout", "--quiet", "-b", "side");
    await writeFile(join(repository, "greeting.txt"), "hello from the side\n");
    await git("commit", "--quiet", "-am", "side");
    const lost = await git("rev-parse", "HEAD");
    await git("tag", "v1");
    await git("checkout", "--quiet", "-");
    const cat = spec({ build: ["cat greeting.txt"] });
    for (const sourceVersion of ["side", "v1", "refs/heads/side"]) {
      expect((await build(cat, { sourceVersion })).resolvedSourceVersion).toBe(lost);
    }
    await git("branch", "-D", "side");
    await git("tag", "-d", "v1");
    expect((await build(cat, { sourceVersion: lost })).resolvedSourceVersion).toBe(lost);
    expect((await build(cat)).output.at(-1)).toBe("hello from the second commit");
  });

  it("names the command that failed; `finally` and POST_BUILD run all the same", async () => {
    const ended = await build(`version: 0.2
phases:
  build:
    commands: ["sh -c 'exit 7'", "echo never"]
    finally: ["echo always"]
  post_build:
    commands: ["echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"]
`);
    expect(ended.buildStatus).toBe("FAILED");
    expect(phaseOf(ended, "BUILD")).toMatchObject({
      phaseStatus: "FAILED",
      contexts: [
        {
          statusCode: "COMMAND_EXECUTION_ERROR",
          message: "Error while executing command: sh -c 'exit 7'. Reason: exit status 7",
        },
      ],
    });
    expect(ended.output).toEqual(["always", "succeeding=0"]);
    expect(phaseOf(ended, "UPLOAD_ARTIFACTS")?.phaseStatus).toBe("SUCCEEDED");
  });

  it("ends after a failed INSTALL, unless that says CONTINUE", async () => {
    const ended = await build(spec({ install: ["false"], build: ["echo built"] }));
    expect([ended.buildStatus, phaseOf(ended, "BUILD")]).toEqual(["FAILED", undefined]);
    const continued = await build(`version: 0.2
phases:
  install: { commands: ["false"], on-failure: CONTINUE }
  build: { commands: ["echo built"] }
`);
    expect(continued.output).toContain("built");
    expect(continued.buildStatus).toBe("FAILED");
    const aborted = await build(`version: 0.2
phases:
  build: { commands: ["false"], on-failure: ABORT }
  post_build: { commands: ["echo after"] }
`);
    expect([aborted.buildStatus, phaseOf(aborted, "POST_BUILD")]).toEqual(["FAILED", undefined]);
  });

  it.each([
    ["exit 3", 3],
    ["kill -9 $$", 137],
    ["set -e\nfalse\necho on", 1],
    ["no-such-command", 127],
    ["if true; then", 2],
  ])("survives a command that ends the shell: %s", async (command, status) => {
    const ended = await build(spec({ build: [command], post_build: ["cat greeting.txt"] }));
    expect(phaseOf(ended, "BUILD")?.contexts?.[0]?.message).toBe(
      `Error while executing command: ${command}. Reason: exit status ${status}`,
    );
    expect(ended.output.at(-1)).toContain("hello");
  });

  it("runs commands of several lines, in bash where asked for, and keeps the order of what they print", async () => {
    const ended = await build(
      spec(
        {
          build: [
            "for n in 1 2; do\n  echo out $n\n  echo err $n >&2\ndone",
            '[[ "$BASH" ]] && read -r one two <<< "a b" && echo "$two"',
            "printf unfinished",
          ],
        },
        { env: { shell: "bash" } },
      ),
    );
    expect(ended.output).toEqual(["out 1", "err 1", "out 2", "err 2", "b", "unfinished"]);
    const order = lines
      .filter((line) => /Running command|^out|^b$|unfinished/.test(line))
      .map((line) => line.replace(/^.*(Running)/, "$1").split("\n")[0]);
    expect(order.indexOf("b")).toBeLessThan(order.indexOf("Running command printf unfinished"));
  });

  it("cannot be fooled by what a command prints or writes to the shell's descriptors", async () => {
    const ended = await build(spec({ build: ["echo 0 >&3 || echo closed", "false"] }));
    expect(ended.output.at(-1)).toBe("closed");
    expect(ended.buildStatus).toBe("FAILED");
  });

  it("keeps terminal escapes out of its log", async () => {
    const ended = await build(spec({ build: ["printf '\\033[31mred\\033[0m \\033]0;title\\007bell\\n'"] }));
    expect(ended.output).toEqual(["red bell"]);
  });

  it.each([
    [
      "another version",
      "version: 0.1\nphases: {}\n",
      {},
      "YAML_FILE_ERROR",
      /version: expected 0.2, found 0.1/,
    ],
    [
      "an unknown phase",
      spec({ biuld: ["true"] }),
      {},
      "YAML_FILE_ERROR",
      /unknown key "biuld"; expected install/,
    ],
    [
      "an unknown key",
      `${"version: 0.2\nphases: {}\n"}evn: {}\n`,
      {},
      "YAML_FILE_ERROR",
      /unknown key "evn"/,
    ],
    [
      "a mapping for a command",
      "version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n",
      {},
      "YAML_FILE_ERROR",
      /commands\[0\]: expected a text \(quote/,
    ],
    ["no YAML", "version: 0.2\n  phases: [\n", {}, "YAML_FILE_ERROR", /line \d/],
    [
      "no phases",
      "version: 0.2\nenv: {}\n",
      {},
      "YAML_FILE_ERROR",
      /phases: expected a mapping, found nothing/,
    ],
    ["a missing file", "no/such.yml", {}, "YAML_FILE_ERROR", /no such folder/],
    ["a missing file in the root", "such.yml", {}, "YAML_FILE_ERROR", /no such file/],
    ["a path out of the source", "../../secrets.yml", {}, "YAML_FILE_ERROR", /no such folder/],
    [
      "a missing commit",
      spec({}),
      { sourceVersion: "0123abc" },
      "GIT_CLONE_FAILED",
      /has no commit 0123abc here/,
    ],
    [
      "an option for a commit",
      spec({}),
      { sourceVersion: "--upload-pack=x" },
      "GIT_CLONE_FAILED",
      /is no commit/,
    ],
    [
      "an unknown source",
      spec({}),
      { sourceLocationOverride: "https://elsewhere" },
      "GIT_CLONE_FAILED",
      /No local git repository/,
    ],
    [
      "a missing secret",
      spec({}, { env: { "secrets-manager": { A: "missing" } } }),
      {},
      "CLIENT_ERROR",
      /env.secrets-manager.A: There is no secret missing/,
    ],
  ])("ends in DOWNLOAD_SOURCE in clear words: %s", async (_what, buildspec, more, statusCode, words) => {
    const ended = await build(buildspec, more);
    expect(ended.buildStatus).toBe("FAILED");
    expect(phaseOf(ended, "DOWNLOAD_SOURCE")).toMatchObject({
      phaseStatus: "FAILED",
      contexts: [{ statusCode, message: expect.stringMatching(words) }],
    });
  });

  it("needs no source", async () => {
    const ended = await build(spec({ build: ["ls -A | wc -l"] }), { sourceTypeOverride: "NO_SOURCE" });
    expect([ended.buildStatus, ended.output.map((line) => line.trim())]).toEqual(["SUCCEEDED", ["0"]]);
  });

  it("stops with everything that it started, and leaves no folder", async () => {
    const id = await begin(
      spec({ build: ["sh -c 'trap \"\" TERM; echo started $$; sleep 600 & wait; wait'"] }),
    );
    await until(() => lines.some((line) => line.startsWith("started ")));
    const pid = Number(lines.find((line) => line.startsWith("started "))?.split(" ")[1]);
    await client.send(new StopBuildCommand({ id }));
    const ended = await whenEnded(id);
    expect(ended.buildStatus).toBe("STOPPED");
    expect(phaseOf(ended, "BUILD")?.phaseStatus).toBe("STOPPED");
    await expect.poll(() => isGone(pid)).toBe(true);
    await expect.poll(() => readdir(join(folder, "builds"))).toEqual([]);
  });

  it("ends what a command left running", async () => {
    const ended = await build(spec({ build: ["sleep 600 & echo left $!"] }));
    expect(ended.buildStatus).toBe("SUCCEEDED");
    const pid = Number(ended.output[0]?.split(" ")[1]);
    await expect.poll(() => isGone(pid)).toBe(true);
  });

  it("runs beside other builds", async () => {
    await mkdir(join(folder, "x"));
    const ids = await Promise.all(
      [1, 2, 3].map((n) => begin(spec({ build: [`echo ${n} > mine; cat mine`] }))),
    );
    const ended = await Promise.all(ids.map(whenEnded));
    expect(ended.map(({ buildStatus }) => buildStatus)).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
    expect(lines.filter((line) => /^\d$/.test(line)).toSorted()).toEqual(["1", "2", "3"]);
  });
});
