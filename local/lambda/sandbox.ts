import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { credentialVariables } from "../iam/process-credentials.ts";
import type { ProcessExit } from "../process.ts";
import { startProcess } from "../process.ts";
import { uuid, type World } from "../world.ts";
import { type FunctionVersion, type Invocation, type InvocationResult, platformFailure } from "./function.ts";
import type { RuntimeApi } from "./runtime-api.ts";

/** A process of a function. It runs one invocation at a time. */
export interface Sandbox {
  readonly fn: FunctionVersion;
  /** Whether it could take an invocation now. */
  readonly isFree: boolean;
  /** Resolves when it has loaded the bundle, or will never. */
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  /** Runs an invocation. Resolves with undefined if a warm process ended before it got it: then nothing of it ran. */
  run(payload: string, invocation: Invocation): Promise<InvocationResult | undefined>;
  stop(graceMilliseconds: number): Promise<void>;
}

interface Work {
  readonly payload: string;
  readonly invocation: Invocation;
  readonly settle: (result: InvocationResult | undefined) => void;
  given: boolean;
}

/** Starts the process of a function and speaks with it over the Runtime API. */
export function startSandbox(
  world: World,
  api: RuntimeApi,
  fn: FunctionVersion,
  options: { /** A file: URL. */ readonly bundle: string; readonly onFree: () => void },
): Sandbox {
  const id = uuid(world.random);
  const ready = Promise.withResolvers<void>();
  let give: ((fn: FunctionVersion, payload: string, invocation: Invocation) => void) | undefined;
  let work: Work | undefined;
  let onLine: Invocation["onLine"] | undefined;
  let linesBefore: string[] = [];
  let hasEnded = false;
  let wasReady = false;

  const settle = (result: InvocationResult | undefined) => {
    const done = work;
    work = undefined;
    done?.settle(result);
  };

  const hand = () => {
    if (give === undefined || work === undefined) return;
    work.given = true;
    give(fn, work.payload, work.invocation);
    give = undefined;
  };

  const address = api.serve(id, {
    onNext(next) {
      give = next;
      wasReady = true;
      ready.resolve();
      hand();
      if (work === undefined) options.onFree();
    },
    onInitError: (result) => {
      hasEnded = true;
      settle(result);
    },
    onResult(requestId, result) {
      const done = work;
      // An answer to an earlier invocation must not be taken for this one's.
      if (done === undefined || requestId !== done.invocation.requestId) return;
      work = undefined;
      // It overtakes what the handler printed before it, which is in the pipe already.
      void nextTurn().then(() => done.settle(result));
    },
  });

  const taskRoot = dirname(fileURLToPath(options.bundle));
  const child = startProcess(world.clock, {
    command: process.execPath,
    arguments: [
      `--max-old-space-size=${Math.floor(fn.memoryMegabytes * 0.9)}`,
      join(import.meta.dirname, "bootstrap.mjs"),
    ],
    folder: taskRoot,
    environment: {
      AWS_ENDPOINT_URL: world.endpoint(),
      ...fn.environment,
      ...reservedVariables(fn, address, taskRoot),
      ...credentialVariables(world, { roleArn: fn.roleArn, sessionName: fn.name }),
      SPILLWAY_BUNDLE: options.bundle,
      SPILLWAY_COMPILE_CACHE: join(world.folder, "compile-cache"),
    },
    onLine(line) {
      if (onLine === undefined) linesBefore.push(line);
      else onLine(line);
    },
    // Its closing tells the process that we are gone.
    onControlLine: () => {},
  });

  const onEnd = (how: string) => {
    hasEnded = true;
    api.forget(id);
    ready.resolve();
    if (wasReady && work?.given === false) return settle(undefined);
    settle(
      platformFailure(
        "Runtime.ExitError",
        `RequestId: ${work?.invocation.requestId} Error: Runtime exited ${how}`,
      ),
    );
  };
  const ended = child.exited.then(
    (exit) => onEnd(describeExit(exit)),
    (error: Error) => {
      settle(platformFailure("Runtime.InvalidEntrypoint", error.message));
      onEnd("before it started");
    },
  );

  return {
    fn,
    get isFree() {
      return !hasEnded && work === undefined;
    },
    ready: ready.promise,
    ended,
    run(payload, invocation) {
      return new Promise((resolve) => {
        onLine = invocation.onLine;
        for (const line of linesBefore) onLine(line);
        linesBefore = [];
        work = { payload, invocation, settle: resolve, given: false };
        hand();
      });
    },
    stop(graceMilliseconds) {
      hasEnded = true;
      return child.stop(graceMilliseconds);
    },
  };
}

function describeExit({ code, signal }: ProcessExit): string {
  if (signal !== null) return `with error: signal: ${signal === "SIGKILL" ? "killed" : signal}`;
  return code === 0 ? "without providing a reason" : `with error: exit status ${code}`;
}

/** The variables that Lambda itself gives a function beside its credentials, which it cannot declare. */
function reservedVariables(fn: FunctionVersion, api: string, taskRoot: string): Record<string, string> {
  const region = fn.arn.split(":")[3] ?? "";
  return {
    _HANDLER: "index.handler",
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: fn.version,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_RUNTIME_API: api,
    AWS_REGION: region,
    LAMBDA_TASK_ROOT: taskRoot,
    LANG: "en_US.UTF-8",
    PATH: "/usr/local/bin:/usr/bin:/bin",
    TZ: ":UTC",
  };
}
