import { isDeepStrictEqual } from "node:util";
import { mayWriteLog } from "../iam/log-writing.ts";
import type { LogSink } from "../logs.ts";
import { AwsError } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, uuid, type World } from "../world.ts";
import { keepBundle } from "./bundles.ts";
import {
  type FunctionRunner,
  type FunctionVersion,
  type InvocationResult,
  type InvokeFunction,
  platformFailure,
} from "./function.ts";

/** What a function is published with. */
export type FunctionSettings = Omit<FunctionVersion, "version" | "arn">;

/** Lambda's default limit of invocations at one time in an account (AWS documentation, "quotas"). */
const CONCURRENT_INVOCATIONS = 1_000;

/** Lambda as the rest of the local AWS uses it. */
export interface Lambda {
  /**
   * Publishes the next version of a function, or finds the newest one if nothing about it is different, as far as
   * that is known: a world that keeps nothing does not look into bundles.
   * @returns its versioned ARN. @throws AwsError InvalidParameterValueException.
   */
  publish(settings: FunctionSettings): string;
  readonly invoke: InvokeFunction;
  /** The ARN of what Invoke takes for a function, whether there is one or not. */
  functionArn(functionArnOrName: string): string;
  /** Every function's newest version. */
  list(): FunctionVersion[];
  stop(): Promise<void>;
}

/** Makes Lambda: published versions, each invocation within its time, logged as AWS logs it. */
export function createLambda(
  world: World,
  deps: {
    readonly runner: FunctionRunner;
    readonly logs: LogSink;
    readonly concurrentInvocations?: number;
  },
): Lambda {
  const { clock } = world;
  const kept = keptIn<FunctionVersion[]>(world, "lambda/functions");
  const functions = new Map(kept.entries());
  const streams = createLogStreams(world);
  const limit = deps.concurrentInvocations ?? CONCURRENT_INVOCATIONS;
  let running = 0;

  function find(reference: string): FunctionVersion {
    const { name, qualifier } = readReference(reference);
    const versions = functions.get(name) ?? [];
    const found =
      qualifier === undefined || qualifier === "$LATEST"
        ? versions.at(-1)
        : versions.find(({ version }) => version === qualifier);
    if (found !== undefined) return found;
    const missing =
      arn(world, "lambda", `function:${name}`) + (qualifier === undefined ? "" : `:${qualifier}`);
    throw new AwsError("ResourceNotFoundException", `Function not found: ${missing}`, {
      status: 404,
      members: { Type: "User" },
    });
  }

  /** Runs one invocation to its end: an answer, a failure, or its time being up. */
  async function run(fn: FunctionVersion, payload: string): Promise<InvocationResult> {
    const requestId = uuid(world.random);
    const begun = clock.now();
    const logStream = streams.take(fn, begun);
    const logGroup = `/aws/lambda/${fn.name}`;
    const mayLog = mayWriteLog(world, { roleArn: fn.roleArn, sessionName: fn.name }, logGroup, logStream);
    const onLine = (line: string) => {
      if (mayLog) deps.logs.write(logGroup, logStream, line);
    };
    const invocation = { requestId, deadline: begun + fn.timeoutSeconds * 1000, logStream, onLine };
    onLine(`START RequestId: ${requestId} Version: ${fn.version}`);
    const result = await withinTime(fn, requestId, (signal) =>
      deps.runner.invoke(fn, payload, invocation, signal),
    );
    const milliseconds = clock.now() - begun;
    const platformError = errorOfPlatform(result);
    if (platformError !== undefined) onLine(`${new Date(clock.now()).toISOString()} ${platformError}`);
    onLine(`END RequestId: ${requestId}`);
    onLine(
      `REPORT RequestId: ${requestId}\tDuration: ${milliseconds.toFixed(2)} ms\t` +
        `Billed Duration: ${Math.ceil(milliseconds)} ms\tMemory Size: ${fn.memoryMegabytes} MB`,
    );
    streams.giveBack(fn, logStream);
    return result;
  }

  async function withinTime(
    fn: FunctionVersion,
    requestId: string,
    start: (signal: AbortSignal) => Promise<InvocationResult>,
  ): Promise<InvocationResult> {
    const timeUp = new AbortController();
    const { promise: timeout, resolve: end } = Promise.withResolvers<InvocationResult>();
    const forget = clock.after(fn.timeoutSeconds * 1000, () => {
      timeUp.abort(new Error("The function's time is up."));
      const seconds = fn.timeoutSeconds.toFixed(2);
      end(
        platformFailure(
          "Sandbox.Timedout",
          `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
        ),
      );
    });
    const work = start(timeUp.signal).catch((error: unknown) => {
      throw new AwsError(
        "ServiceException",
        `The local AWS could not run ${fn.name}: ${error instanceof Error ? error.message : String(error)}`,
        { status: 500 },
      );
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      forget();
    }
  }

  const invoke: InvokeFunction = async (reference, payload, signal) => {
    const fn = find(reference);
    signal?.throwIfAborted();
    if (running >= limit) {
      throw new AwsError("TooManyRequestsException", "Rate Exceeded.", {
        status: 429,
        members: { Reason: "ConcurrentInvocationLimitExceeded" },
      });
    }
    running += 1;
    const result = run(fn, payload).finally(() => {
      running -= 1;
    });
    // As in AWS, a caller that goes away does not end the function: it works on, and only its answer is lost.
    return { ...(await abandonable(result, signal)), executedVersion: fn.version };
  };

  return {
    publish(settings) {
      checkSettings(settings);
      const versions = functions.get(settings.name) ?? [];
      const bundle = keepBundle(world, settings);
      const newest = versions.at(-1);
      if (newest !== undefined && world.store !== undefined && isSame(newest, { ...settings, bundle }))
        return newest.arn;
      const version = String(versions.length + 1);
      const published: FunctionVersion = {
        ...settings,
        bundle,
        version,
        arn: arn(world, "lambda", `function:${settings.name}:${version}`),
      };
      deps.runner.prepare?.(published);
      functions.set(settings.name, [...versions, published]);
      kept.put(settings.name, [...versions, published]);
      return published.arn;
    },
    invoke,
    functionArn(reference) {
      const { name, qualifier } = readReference(reference);
      return reference.startsWith("arn:")
        ? reference
        : arn(world, "lambda", `function:${name}${qualifier === undefined ? "" : `:${qualifier}`}`);
    },
    list: () => [...functions.values()].flatMap((versions) => versions.at(-1) ?? []),
    stop: () => deps.runner.stop(),
  };
}

/** A name, `name:version`, `account:function:name[:version]` or a whole ARN, each with or without a version. */
function readReference(reference: string): { name: string; qualifier: string | undefined } {
  const words = reference.split(":");
  const after = words.lastIndexOf("function") + 1;
  const [name = "", qualifier] = words.slice(after);
  return { name, qualifier };
}

function isSame(published: FunctionVersion, settings: FunctionSettings): boolean {
  const compared = ({
    bundle,
    environment,
    timeoutSeconds,
    memoryMegabytes,
    functionUrl,
    roleArn,
  }: FunctionSettings) => ({
    ...{ bundle, environment, timeoutSeconds, memoryMegabytes, functionUrl, roleArn },
  });
  return isDeepStrictEqual(compared(published), compared(settings));
}

function checkSettings({ name, timeoutSeconds, memoryMegabytes }: FunctionSettings): void {
  const refuse = (message: string): never => {
    throw new AwsError("InvalidParameterValueException", message);
  };
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name)) {
    refuse(`A function's name has 1 to 64 letters, digits, "-" and "_"; got "${name.slice(0, 80)}".`);
  }
  if (!(timeoutSeconds >= 1 && timeoutSeconds <= 900)) {
    refuse(`A function's timeout is 1 to 900 seconds; ${name} has ${timeoutSeconds}.`);
  }
  if (!(memoryMegabytes >= 128 && memoryMegabytes <= 10_240)) {
    refuse(`A function's memory is 128 to 10240 MB; ${name} has ${memoryMegabytes}.`);
  }
}

/** What the platform itself says in the log; a handler's own errors are logged by its runtime. */
function errorOfPlatform({ functionError, payload }: InvocationResult): string | undefined {
  if (functionError === undefined) return undefined;
  const { errorType, errorMessage }: { errorType?: unknown; errorMessage?: unknown } = Object(
    JSON.parse(payload),
  );
  const isPlatform = errorType === "Sandbox.Timedout" || errorType === "Runtime.ExitError";
  return isPlatform ? String(errorMessage).replace(/^RequestId: (\S+) Error: /, "$1 ") : undefined;
}

function abandonable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** One log stream for each invocation that runs at the same time, used again when it has ended. */
function createLogStreams(world: World) {
  const free = new Map<FunctionVersion, string[]>();
  return {
    take(fn: FunctionVersion, now: number): string {
      const day = new Date(now).toISOString().slice(0, 10).replaceAll("-", "/");
      return free.get(fn)?.pop() ?? `${day}/[${fn.version}]${uuid(world.random).replaceAll("-", "")}`;
    },
    giveBack(fn: FunctionVersion, stream: string): void {
      const streams = free.get(fn);
      if (streams === undefined) free.set(fn, [stream]);
      else streams.push(stream);
    },
  };
}
