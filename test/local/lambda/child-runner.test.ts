import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRealClock } from "../../../local/asl/real-clock.ts";
import { type ChildFunctionRunner, createChildFunctionRunner } from "../../../local/lambda/child-runner.ts";
import { createLambda, type Lambda } from "../../../local/lambda/service.ts";
import { createTestWorld } from "../test-world.ts";

let folder = "";
let runner: ChildFunctionRunner;
let lambda: Lambda;
let lines: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lambda-"));
  const world = { ...createTestWorld(createRealClock(), folder), random: Math.random };
  lines = [];
  runner = await createChildFunctionRunner(world);
  lambda = createLambda(world, { runner, logs: { write: (_group, _stream, line) => void lines.push(line) } });
});

afterEach(async () => {
  await lambda.stop();
  await rm(folder, { recursive: true, force: true });
});

let bundles = 0;
/** Publishes a bundle of this source. */
async function publish(
  source: string,
  more: { timeoutSeconds?: number; environment?: Record<string, string> } = {},
) {
  const bundle = join(folder, `bundle-${bundles++}.mjs`);
  await writeFile(bundle, source);
  const settings = { timeoutSeconds: 20, memoryMegabytes: 512, environment: {}, ...more };
  return lambda.publish({ name: "Check", bundle, ...settings });
}

async function invoke(reference: string, event: unknown = {}) {
  const { payload, functionError } = await lambda.invoke(reference, JSON.stringify(event));
  return { value: JSON.parse(payload), functionError };
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("functions as child processes", () => {
  it("give the handler its event and a whole context", async () => {
    const arn = await publish(`
      export const handler = async (event, context) =>
        ({ event, ...context, remaining: context.getRemainingTimeInMillis() });`);
    const { value } = await invoke(arn, { ö: "😀" });
    expect(value).toMatchObject({
      event: { ö: "😀" },
      functionName: "Check",
      functionVersion: "1",
      memoryLimitInMB: "512",
      invokedFunctionArn: arn,
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      logGroupName: "/aws/lambda/Check",
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[1\]/),
    });
    expect(value.remaining).toBeGreaterThan(10_000);
    expect(value.remaining).toBeLessThanOrEqual(20_000);
  });

  it("have AWS's variables and the declared ones, and nothing of ours", async () => {
    process.env.SPILLWAY_TEST_LEAK = "leaked";
    const arn = await publish("export const handler = async () => process.env", {
      environment: { TABLE: "records", AWS_REGION: "mars" },
    });
    const { value } = await invoke(arn);
    delete process.env.SPILLWAY_TEST_LEAK;
    expect(value).toMatchObject({
      TABLE: "records",
      AWS_REGION: "eu-central-1",
      AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
      AWS_LAMBDA_FUNCTION_NAME: "Check",
      TZ: ":UTC",
    });
    expect(
      Object.keys(value).filter((name) => !/^(AWS_|LAMBDA_|_HANDLER$|LANG$|PATH$|TZ$|TABLE$)/.test(name)),
    ).toEqual([]);
  });

  it("keep the error's own name", async () => {
    const arn = await publish(`
      export const handler = async () => { throw Object.assign(new Error("busy"), { name: "Throttled" }) };`);
    const { value, functionError } = await invoke(arn);
    expect(functionError).toBe("Unhandled");
    expect(value).toMatchObject({ errorType: "Throttled", errorMessage: "busy" });
    expect(value.trace[0]).toContain("busy");
    expect(lines.some((line) => line.includes("ERROR\tInvoke Error"))).toBe(true);
  });

  it("are kept warm, and run one invocation at a time", async () => {
    const arn = await publish(`
      export const handler = async ({ wait }) => { await new Promise((go) => setTimeout(go, wait)); return process.pid; };`);
    const one = (await invoke(arn)).value;
    expect((await invoke(arn)).value).toBe(one);
    const both = await Promise.all([invoke(arn, { wait: 50 }), invoke(arn, { wait: 50 })]);
    expect(new Set(both.map(({ value }) => value)).size).toBe(2);
    expect(both.map(({ value }) => value)).toContain(one);
  });

  it("keep the bundle they were published with", async () => {
    const source = (word: string) => `export const handler = async () => "${word}"`;
    const bundle = join(folder, "function.mjs");
    const settings = { name: "Check", bundle, environment: {}, timeoutSeconds: 5, memoryMegabytes: 128 };
    await writeFile(bundle, source("old"));
    const old = lambda.publish(settings);
    await writeFile(bundle, source("new"));
    const recent = lambda.publish(settings);
    expect([(await invoke(old)).value, (await invoke(recent)).value]).toEqual(["old", "new"]);
  });

  it("are killed when their time is up, and the next invocation gets another", async () => {
    const arn = await publish(
      `export const handler = async ({ hang }) => {
        console.log("pid " + process.pid);
        if (hang) for (;;);
        return "well";
      }`,
      { timeoutSeconds: 1 },
    );
    const { value, functionError } = await invoke(arn, { hang: true });
    expect(functionError).toBe("Unhandled");
    expect(value.errorType).toBe("Sandbox.Timedout");
    const pid = Number(/pid (\d+)/.exec(lines.join("\n"))?.[1]);
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect((await invoke(arn)).value).toBe("well");
  });

  it.each([
    ["process.exit(3)", "Runtime exited with error: exit status 3"],
    ["process.exit(0)", "Runtime exited without providing a reason"],
    [
      "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})",
      "Runtime exited with error: signal: killed",
    ],
  ])("that end within an invocation (%s) fail it: %s", async (code, message) => {
    const arn = await publish(
      `export const handler = async ({ die }) => { if (die) { ${code} } return "well"; }`,
    );
    const { value } = await invoke(arn, { die: true });
    expect(value.errorType).toBe("Runtime.ExitError");
    expect(value.errorMessage).toContain(message);
    expect((await invoke(arn)).value).toBe("well");
  });

  it("say what is wrong with a bundle that cannot be loaded", async () => {
    const broken = await publish("export const handler = (");
    expect((await invoke(broken)).value.errorType).toBe("Runtime.UserCodeSyntaxError");
    const throwing = await publish("throw new TypeError('no configuration')");
    expect((await invoke(throwing)).value.errorMessage).toBe("no configuration");
    const without = await publish("export const handle = 1");
    expect((await invoke(without)).value.errorType).toBe("Runtime.HandlerNotFound");
    const callback = await publish("export const handler = (event, context, callback) => callback(null, 1)");
    expect((await invoke(callback)).value.errorType).toBe("Runtime.CallbackHandlerDeprecated");
    const ending = await publish("process.exit(4)");
    expect((await invoke(ending)).value.errorMessage).toContain("exit status 4");
  });

  it("fail on a rejection that nobody handles", async () => {
    const arn = await publish(
      "export const handler = () => { Promise.reject(new Error('lost')); return new Promise(() => {}) }",
    );
    expect((await invoke(arn)).value).toMatchObject({
      errorType: "Runtime.UnhandledPromiseRejection",
      errorMessage: "lost",
    });
  });

  it("may not answer with more than Lambda lets through", async () => {
    const arn = await publish("export const handler = async () => 'x'.repeat(7 * 1024 * 1024)");
    expect((await invoke(arn)).value.errorType).toBe("Function.ResponseSizeTooLarge");
  });

  it("log what the handler prints, with time, request and level", async () => {
    const arn = await publish(
      `console.log("loading"); export const handler = async () => { console.warn("two\\nlines"); process.stdout.write("raw\\n") }`,
    );
    await invoke(arn);
    expect(lines).toContainEqual(expect.stringMatching(/^\S+Z\tundefined\tINFO\tloading$/));
    expect(lines).toContainEqual(expect.stringMatching(/^\S+Z\t[0-9a-f-]{36}\tWARN\ttwo\rlines$/));
    expect(lines).toContain("raw");
  });

  it("can be started ahead of time, and end when Lambda stops", async () => {
    const arn = await publish("export const handler = async () => process.pid");
    const [fn] = lambda.list();
    if (fn === undefined) throw new Error("nothing was published");
    await Promise.all([runner.prewarm(fn), runner.prewarm(fn)]);
    const { value } = await invoke(arn);
    expect(isAlive(value)).toBe(true);
    await lambda.stop();
    expect(isAlive(value)).toBe(false);
  });
});
