import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { World } from "../world.ts";
import type { FunctionRunner, FunctionVersion, Invocation, InvocationResult } from "./function.ts";
import { createRuntimeApi } from "./runtime-api.ts";
import { type Sandbox, startSandbox } from "./sandbox.ts";

/** How long a process is kept for the next invocation; AWS keeps one for minutes, too. */
const IDLE_MILLISECONDS = 5 * 60_000;
/** How many processes are warmed at one time: more would only hold up each other. */
const WARMED_AT_ONCE = 2;
const STOP_GRACE_MILLISECONDS = 500;

/** Runs functions as child processes. */
export interface ChildFunctionRunner extends FunctionRunner {
  /** Starts a process for the function's next invocation, unless one is there. Resolves when it waits for work. */
  prewarm(fn: FunctionVersion): Promise<void>;
}

/**
 * Runs functions as child processes over Lambda's Runtime API: one process for each concurrent invocation, kept warm
 * for five minutes, with exactly the environment that the function declares and AWS's own variables. A version
 * keeps the bundle it was published with, whatever is built later.
 */
export async function createChildFunctionRunner(world: World): Promise<ChildFunctionRunner> {
  const api = await createRuntimeApi();
  const sandboxes = new Set<Sandbox>();
  const bundles = new Map<FunctionVersion, string>();
  let warming: Promise<unknown>[] = Array.from({ length: WARMED_AT_ONCE }, () => Promise.resolve());

  const prepare = (fn: FunctionVersion) => {
    const folder = join(world.folder, "functions", fn.name, fn.version);
    mkdirSync(folder, { recursive: true });
    const copy = join(folder, "index.mjs");
    copyFileSync(fn.bundle, copy);
    bundles.set(fn, pathToFileURL(copy).href);
  };

  const start = (fn: FunctionVersion): Sandbox => {
    if (!bundles.has(fn)) prepare(fn);
    let cancelIdle = () => {};
    const sandbox = startSandbox(world, api, fn, {
      bundle: bundles.get(fn) ?? "",
      onFree() {
        cancelIdle();
        cancelIdle = world.clock.after(IDLE_MILLISECONDS, () => {
          if (sandbox.isFree) void sandbox.stop(STOP_GRACE_MILLISECONDS);
        });
      },
    });
    sandboxes.add(sandbox);
    void sandbox.ended.then(() => {
      cancelIdle();
      sandboxes.delete(sandbox);
    });
    return sandbox;
  };

  /** The one used last: the others may then become idle and end. */
  const free = (fn: FunctionVersion) =>
    [...sandboxes].findLast((sandbox) => sandbox.fn === fn && sandbox.isFree);

  async function run(
    fn: FunctionVersion,
    payload: string,
    invocation: Invocation,
    signal: AbortSignal,
  ): Promise<InvocationResult> {
    for (;;) {
      const sandbox = free(fn) ?? start(fn);
      const onAbort = () => void sandbox.stop(0);
      signal.addEventListener("abort", onAbort, { once: true });
      const result = await sandbox.run(payload, invocation);
      signal.removeEventListener("abort", onAbort);
      if (result !== undefined || signal.aborted) return result ?? { payload: "null" };
      // A warm process ended in the very moment it was chosen; the invocation has not begun, so another takes it.
    }
  }

  const warm = async (fn: FunctionVersion) => {
    if (free(fn) === undefined) await start(fn).ready;
  };

  return {
    prepare,
    prewarm(fn) {
      const [turn = Promise.resolve(), ...later] = warming;
      const warmed = turn.then(() => warm(fn));
      warming = [...later, warmed.catch(() => undefined)];
      return warmed;
    },
    invoke: (fn, payload, invocation, signal) =>
      world.clock.busy(run(fn, payload, invocation, signal), `an invocation of ${fn.name}`),
    async stop() {
      await Promise.all([...sandboxes].map((sandbox) => sandbox.stop(STOP_GRACE_MILLISECONDS)));
      await api.close();
    },
  };
}
