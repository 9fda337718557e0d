import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as sfn from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRealClock } from "../../local/asl/index.ts";
import { type Laptop, startLaptop } from "../../local/laptop.ts";
import { scenarios } from "../permissions/scenarios.ts";
import { Definitions } from "./definitions.ts";
import { type Cases, recordCases } from "./recorded-cases.ts";
import { differenceFrom, replay } from "./replay.ts";
import type { StateCase } from "./state-cases.ts";

let folder = "";
let laptop: Laptop;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-states-"));
  laptop = await startLaptop({
    clock: createRealClock(),
    folder,
    port: 0,
    sources: () => undefined,
    path: "",
    network: {},
    onEvent: () => {},
    onFault: () => {},
  });
});
afterAll(async () => {
  await laptop.stop();
  await rm(folder, { recursive: true, force: true });
});

const local = () => ({
  AWS_ENDPOINT_URL: laptop.url,
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
});

/** Runs a command of this folder with these variables and hardly any other. */
async function run(command: string, environment: Readonly<Record<string, string>>) {
  const { PATH = "" } = process.env;
  const env = { PATH, HOME: "/nonexistent", AWS_EC2_METADATA_DISABLED: "true", ...environment };
  const child = spawn(process.execPath, [`test/aws-account/${command}.ts`], { env });
  const [[status], said, words] = await Promise.all([
    once(child, "exit"),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { status, said, words };
}

describe("a command that works in an account, before it begins", () => {
  it.each(["states", "smoke"])("%s refuses without a region, and without credentials", async (command) => {
    expect(await run(command, {})).toMatchObject({
      status: 2,
      said: "",
      words: expect.stringContaining("NoRegion: No region is chosen. Set AWS_REGION"),
    });
    expect(await run(command, { AWS_REGION: "eu-central-1" })).toMatchObject({
      status: 2,
      said: "",
      words: expect.stringMatching(
        /NoCredentials: .* and SPILLWAY_(TEST|SMOKE)_ACCOUNT to the twelve digits/,
      ),
    });
  });

  it.each([
    ["states", "SPILLWAY_TEST_ACCOUNT", "it makes and changes nothing"],
    ["smoke", "SPILLWAY_SMOKE_ACCOUNT", "costs money"],
  ])("%s refuses unless the account of the credentials is named", async (command, variable, warning) => {
    const where = { ...local(), AWS_REGION: "us-east-1" };
    const { status, said, words } = await run(command, where);
    expect({ status, said }).toEqual({ status: 2, said: "" });
    expect(words).toContain("NoAccountNamed: The credentials are for the account 000000000000.");
    expect(words).toContain(warning);
    expect(words).toContain(`set ${variable}=000000000000`);
    expect(await run(command, { ...where, [variable]: "123456789012" })).toMatchObject({
      status: 2,
      said: "",
      words: expect.stringContaining(
        `WrongAccount: ${variable} names the account 123456789012, but the credentials are for 000000000000`,
      ),
    });
  });

  it("smoke refuses where a tool is missing that it needs", async () => {
    const where = {
      ...local(),
      AWS_REGION: "us-east-1",
      SPILLWAY_SMOKE_ACCOUNT: "000000000000",
      PATH: folder,
    };
    expect(await run("smoke", where)).toMatchObject({
      status: 2,
      said: "",
      words: "ToolMissing: git is needed, and `git --version` does not work here.\n",
    });
  });

  it("smoke refuses where there is no clone from which builds could fetch", async () => {
    const programs = join(folder, "programs");
    await mkdir(programs);
    const says = { docker: "exit 0", aws: "exit 0", git: '[ "$1" = --version ] || exit 128' };
    for (const [name, script] of Object.entries(says))
      await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const where = {
      ...local(),
      AWS_REGION: "us-east-1",
      SPILLWAY_SMOKE_ACCOUNT: "000000000000",
      PATH: programs,
    };
    expect(await run("smoke", where)).toMatchObject({
      status: 2,
      said: "",
      words: expect.stringMatching(
        /^NotPushed: `git log .*` does not work here: this is no clone of a repository\./,
      ),
    });
  });
});

describe("npm run test:aws, asked of the local AWS", () => {
  it("finds every state of both machines to do what it did in the simulated world", async () => {
    const where = { ...local(), AWS_REGION: "us-east-1", SPILLWAY_TEST_ACCOUNT: "000000000000" };
    const { status, said, words } = await run("states", where);
    expect(words).toBe("");
    expect(said).toMatch(/\n\d{3} cases of \d+ states: 0 answered otherwise\.\n$/);
    expect(status).toBe(0);
  }, 240_000);
});

describe("the cases of a scenario", () => {
  let made: Cases;
  const scenario = scenarios.find(({ name }) => name === "a release that crashes on start");
  const client = () =>
    new sfn.SFNClient({
      region: "us-east-1",
      endpoint: laptop.url,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      disableHostPrefix: true,
    });
  const named = (name: string): StateCase => {
    const found = made.cases.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no case ${name}`);
    return found;
  };
  beforeAll(async () => {
    made = await recordCases(scenario === undefined ? [] : [scenario]);
  }, 60_000);

  it("say which states it does not come to", () => {
    expect(made.untried).toContain("deploy RequestApproval");
    expect(made.untried).not.toContain("deploy RollBack");
  });

  it("try every error that a Retry or a Catch names, and one that none does", () => {
    for (const { machine, state, request } of made.cases.filter(({ request }) => request.mock?.result)) {
      const flow: unknown = JSON.parse(request.definition ?? "");
      const definitions = new Definitions(
        JSON.stringify(request.stateName ? flow : { StartAt: state, States: { [state]: flow } }),
      );
      const { retries, catches } = definitions.state(state);
      for (const error of [...retries, ...catches].flatMap(({ errors }) => errors))
        if (error !== "States.ALL") named(`${machine} ${state} ends after ${error}`);
      named(`${machine} ${state} ends after Unforeseen`);
    }
  });

  it("are told from others by any member of an answer", async () => {
    const one = named("deploy AcquireLease goes to ConfirmStillWanted");
    const answer = await client().send(new sfn.TestStateCommand(one.request));
    expect(differenceFrom(one.expected, answer)).toBeUndefined();
    const { expected } = one;
    for (const wrong of [
      { ...expected, status: "FAILED" as const },
      { ...expected, nextState: undefined },
      { ...expected, output: "another" },
      { ...expected, variables: { ...expected.variables, more: 1 } },
      { ...expected, error: "Unforeseen" },
      { ...expected, afterArguments: {} },
    ])
      expect(differenceFrom(wrong, answer)).toBeDefined();
  });

  it("show a machine that was changed", async () => {
    const one = named("deploy AcquireLease goes to ConfirmStillWanted");
    const definition = (one.request.definition ?? "").replace("ConfirmStillWanted", "PrepareDeployment");
    const differences = await replay(client(), [{ ...one, request: { ...one.request, definition } }]);
    expect(differences).toEqual([
      { name: one.name, says: 'nextState: expected "ConfirmStillWanted", but got "PrepareDeployment"' },
    ]);
    const broken = { ...one, request: { ...one.request, definition: "{}" } };
    expect(await replay(client(), [broken])).toMatchObject([{ says: expect.stringContaining("refused") }]);
  });
});
