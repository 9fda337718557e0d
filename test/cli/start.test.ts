import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { ConfigInput } from "../../core/config.ts";
import { type Command, node, root, startCommand } from "./command.ts";
import { familyOf, leftOf, type SeenProcess } from "./processes.ts";

// What a person may rely on who types npm start, and then whatever people type. Every test starts the command
// itself. They share one folder, as a person's runs do: each finds what the one before it left, and images are built once.

/** Real processes on a machine that may be busy; it is no measure of speed. */
const PATIENCE_MILLISECONDS = 240_000;

let folder: string;
let state: string;
const commands: Command[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-start-"));
  state = join(folder, "state");
});
afterEach(async () => {
  for (const command of commands.splice(0)) await end(command);
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

/** `npm start -- WORDS`, without npm. */
function start(...words: string[]): Command {
  const command = startCommand(node, [join(root, "cli/start.ts"), "--folder", state, ...words]);
  commands.push(command);
  return command;
}

/** Whatever a test left running. */
async function end({ id, ended }: Command): Promise<void> {
  try {
    process.kill(-id, "SIGKILL");
  } catch {
    // As it should be: it has ended.
  }
  await ended.catch(() => undefined);
}

const said = ({ lines }: Command) => lines.join("\n");

/** Waits until nothing is left: of those that ran, and of this folder. */
const expectNothingLeft = (ran: readonly SeenProcess[]) =>
  expect.poll(() => leftOf(ran, folder), { timeout: 30_000, interval: 100 }).toEqual([]);

/** The example with one quick stage, so that a test is about the life of the command and not about the checks. */
async function writeConfig(name: string, buildspec: string): Promise<string> {
  const database = { secret: "web/production/database" };
  const config: ConfigInput = {
    services: {
      web: {
        image: { repository: "web" },
        migration: { repository: "web-migrate" },
        source: { location: "https://github.com/example/spillway.git" },
        stages: { check: { buildspec } },
        tracks: [["check"]],
        environments: {
          production: {
            target: {
              kind: "apprunner",
              secrets: { DATABASE_URL: database.secret },
              healthCheck: { intervalSeconds: 1 },
            },
            database,
            health: { path: "/health", intervalSeconds: 1, consecutiveSuccesses: 1 },
          },
        },
        waves: [["production"]],
      },
    },
  };
  return writeModule(name, `export default ${JSON.stringify(config)};`);
}

async function writeModule(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.ts`);
  await writeFile(path, text);
  return path;
}

const buildspec = (...commands_: string[]) =>
  JSON.stringify({ version: 0.2, phases: { build: { commands: commands_ } } }, null, 1);

/** Listens on a port of loopback, any free one if it is not given; undefined if another program does. */
async function occupy(port = 0): Promise<{ server: Server; port: number } | undefined> {
  const server = createServer();
  const isOurs = await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  const address = server.address();
  return isOurs && typeof address === "object" && address !== null
    ? { server, port: address.port }
    : undefined;
}

const Report = z.strictObject({
  outcome: z.string(),
  release: z.string().regex(/^web-[0-9a-f]{12}-\d+$/),
  reason: z.string(),
  environments: z.record(
    z.string(),
    z.strictObject({
      outcome: z.string(),
      digest: z.string().startsWith("sha256:").optional(),
      commit: z.string().length(40).optional(),
      schema: z.string().nullable().optional(),
      url: z.url().optional(),
    }),
  ),
  stages: z.array(z.looseObject({ stage: z.string(), passed: z.boolean(), milliseconds: z.number() })),
  timings: z.record(z.string(), z.number()),
});
const lastLine = ({ lines }: Command) => Report.parse(JSON.parse(lines.at(-1) ?? ""));

describe("a command that cannot be done", { timeout: PATIENCE_MILLISECONDS }, () => {
  it("shows the usage for an unknown option, and exits with 2", async () => {
    const command = start("--prot", "5000");
    expect(await command.ended).toBe(2);
    expect(said(command)).toMatch(/Unknown option '--prot'[\s\S]*npm start -- \[--port N\]/);
  });

  it("names path and remedy of a mistake in the config", async () => {
    const path = await writeModule(
      "typo",
      `import config from ${JSON.stringify(join(root, "spillway.config.ts"))};
       const { web } = config.services;
       export default { services: { web: { ...web, wavs: web.waves } } };`,
    );
    const command = start("--config", path);
    expect(await command.ended).toBe(1);
    expect(said(command)).toContain(`InvalidConfig: ${path} is not valid`);
    expect(said(command)).toContain("services.web: unknown setting wavs; remove it or correct its spelling");
    expect(existsSync(state)).toBe(false);
  });

  it.each([
    ["that is not there", undefined, /ConfigFileError: There is no file .*missing\.ts/],
    ["that is no TypeScript", "export default {", /ConfigFileError: .* cannot be loaded: .*SyntaxError/],
    ["that exports nothing", "export const config = {};", /has no default export/],
    ["without the service web", "export default { services: {} };", /describes no service web/],
  ])("says what is wrong with a config %s", async (_, text, expected) => {
    const path = text === undefined ? join(folder, "missing.ts") : await writeModule("wrong", text);
    const command = start("--config", path);
    expect(await command.ended).toBe(1);
    expect(said(command)).toMatch(expected);
  });

  it("names a port that is in use and what to do, and leaves nothing running", async () => {
    const other = await occupy();
    const command = start("--port", String(other?.port));
    expect(await command.ended).toBe(1);
    other?.server.close();
    expect(said(command)).toMatch(
      new RegExp(`PortInUseError: Port ${other?.port} .*End that process, give another port, or give none`),
    );
    await expectNothingLeft([]);
  });

  it("says that a folder is no git clone", async () => {
    const copy = join(folder, "copy");
    await mkdir(copy);
    const parts = ["aws", "cli", "core", "functions", "infra", "local", "state-machines"];
    for (const part of [...parts, "package.json", "spillway.config.ts"])
      await cp(join(root, part), join(copy, part), { recursive: true });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
    const command = startCommand(node, ["cli/start.ts", "--folder", state], copy);
    commands.push(command);
    expect(await command.ended).toBe(1);
    expect(said(command)).toMatch(/ExampleError: .* must be a git clone/);
    await expectNothingLeft([]);
  });
});

describe("a command that is ended before it is done", { timeout: PATIENCE_MILLISECONDS }, () => {
  it("ends what it had started, also when npm hands Ctrl-C on to it a second time", async () => {
    const command = startCommand("npm", ["start", "--", "--folder", state]);
    commands.push(command);
    await command.line(/starting the local AWS/);
    await expect
      .poll(
        async () => (await familyOf(command.id)).some(({ text }) => text.includes(join(state, "state"))),
        {
          timeout: 30_000,
        },
      )
      .toBe(true);
    const ran = await familyOf(command.id);
    command.interrupt();
    // npm ends by the signal once what it started has ended.
    expect(await command.ended).toBe("SIGINT");
    expect(said(command)).toContain("Stopping …");
    await expectNothingLeft(ran);
    expect((await readdir(state)).filter((name) => name.startsWith("lock"))).toEqual([]);
  });

  it("ends what it had started when it is told so while images are built", async () => {
    const command = start("--once");
    await command.line(/local AWS at/);
    const ran = await familyOf(command.id);
    command.interrupt("SIGTERM");
    expect(await command.ended).toBe(143);
    await expectNothingLeft(ran);
  });
});

describe("a release that is refused", { timeout: PATIENCE_MILLISECONDS }, () => {
  it("is reported with the failing command in the last line, and exits with 1", async () => {
    const config = await writeConfig("failing", buildspec("echo checking", "exit 7"));
    const command = start("--fresh", "--once", "--json", "--config", config);
    expect(await command.ended).toBe(1);
    const report = lastLine(command);
    expect(report).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringMatching(/exit 7/),
      environments: { production: { outcome: "untouched" } },
      stages: [{ stage: "check", passed: false }],
    });
    expect(said(command)).toMatch(/Rejected [\s\S]*why .*exit 7/);
    await expectNothingLeft([]);
  });

  it("says what a buildspec that is no YAML has wrong", async () => {
    const config = await writeConfig("broken", "version: 0.2\nphases: [build: {\n");
    const command = start("--fresh", "--once", "--config", config);
    expect(await command.ended).toBe(1);
    expect(said(command)).toMatch(
      /Rejected [\s\S]*why .*FAILED in DOWNLOAD_SOURCE: Flow map .*line 3, column 1/,
    );
    await expectNothingLeft([]);
  });
});

describe("a command that stays up", { timeout: PATIENCE_MILLISECONDS }, () => {
  /** Its stage passes while there is a file of this name. */
  let gate: string;
  let config: string;
  let running: Command;
  let other: Awaited<ReturnType<typeof occupy>>;

  // One start for all of them, and they take it from its first line to its sudden end.
  beforeAll(async () => {
    gate = join(folder, "gate");
    config = await writeConfig("gated", buildspec(`until [ -e '${gate}' ]; do sleep 0.1; done`));
    other = await occupy(4566);
    running = startCommand(node, [
      join(root, "cli/start.ts"),
      "--folder",
      state,
      "--fresh",
      "--config",
      config,
    ]);
  }, PATIENCE_MILLISECONDS);
  afterAll(async () => {
    other?.server.close();
    await end(running);
  });

  it("takes the next free port", async () => {
    expect(await running.line(/local AWS at/)).toMatch(/http:\/\/127\.0\.0\.1:(?!4566$)\d+$/);
  });

  it("is not harmed by a second one in its folder, which is told so", async () => {
    await running.line(/stage .*check …/);
    const second = start("--config", config);
    expect(await second.ended).toBe(1);
    expect(said(second)).toMatch(
      new RegExp(`FolderInUseError: Another npm start \\(process ${running.id}\\) .*--folder DIR`),
    );
  });

  it("releases though its functions are killed, and what it released answers", async () => {
    const functions = (await familyOf(running.id)).filter(({ text }) =>
      text.includes("AWS_LAMBDA_RUNTIME_API="),
    );
    expect(functions.length).toBeGreaterThan(0);
    for (const { id } of functions) process.kill(id, "SIGKILL");
    await writeFile(gate, "");
    await running.line(/It stays up/);
    expect(said(running)).toContain("Released");
    expect((await fetch(`${urlIn(running)}/health`)).status).toBe(200);
  });

  it("takes everything with it when it is killed with all at work, and the next one goes on without a word of advice", async () => {
    await rm(gate);
    const before = running.lines.length;
    await releaseAgain(running);
    await running.line(/stage .*check …/, before);
    const ran = await familyOf(running.id);
    running.kill();
    expect(await running.ended).toBe("SIGKILL");

    await writeFile(gate, "");
    const next = start("--json", "--config", config);
    await next.line(/It stays up/);
    const json = next.lines.find((line) => line.startsWith("{"));
    const { environments, timings, ...rest } = Report.parse(JSON.parse(json ?? ""));
    expect(rest).toMatchObject({
      outcome: "Released",
      release: expect.stringMatching(/-2$/),
      stages: [{ stage: "check", passed: true }],
    });
    expect(environments).toEqual({
      production: {
        outcome: "Released",
        digest: expect.any(String),
        commit: expect.any(String),
        schema: expect.any(String),
        url: urlIn(next),
      },
    });
    expect(Object.keys(timings).toSorted()).toEqual([
      "imagesMilliseconds",
      "pushToEndMilliseconds",
      "readyMilliseconds",
      "releaseMilliseconds",
    ]);
    expect((await fetch(`${urlIn(next)}/health`)).status).toBe(200);
    const alsoRan = await familyOf(next.id);
    next.interrupt();
    expect(await next.ended).toBe(0);
    await expectNothingLeft([...ran, ...alsoRan]);
    expect((await readdir(state)).filter((name) => name.startsWith("lock"))).toEqual([]);
  });
});

const urlIn = (command: Command) => /url +(http:\S+)/.exec(said(command))?.[1] ?? "no URL was printed";

/** Starts the release machine as the line at the end tells how to reach it. */
async function releaseAgain(command: Command): Promise<void> {
  const [, endpoint = "", stateMachineArn] =
    /--endpoint-url (\S+) .* (\S+)$/.exec(await command.line(/--endpoint-url/)) ?? [];
  const tag = /pushed +web:(\w+)/.exec(said(command))?.[1];
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  await new SFNClient({ endpoint, region: "us-east-1", credentials }).send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify({ service: "web", tag }) }),
  );
}
