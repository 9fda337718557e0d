import { sleep } from "../asl/clock.ts";
import type { LogSink } from "../logs.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import type { FunctionRunner, FunctionVersion, InvocationResult, InvokeFunction } from "./function.ts";

/** What a function is published with. */
export type FunctionSettings = Omit<FunctionVersion, "version" | "arn">;

/** Lambda: published versions, each invocation within its time, logged as AWS logs it. */
export function createLambda(
  world: World,
  deps: { readonly runner: FunctionRunner; readonly logs: LogSink },
) {
  const functions = new Map<string, FunctionVersion[]>();

  function find(functionName: string): FunctionVersion {
    const words = functionName.startsWith("arn:")
      ? functionName.split(":").slice(6)
      : functionName.split(":");
    const [name = "", version = "$LATEST"] = words;
    const versions = functions.get(name) ?? [];
    const found = version === "$LATEST" ? versions.at(-1) : versions.find((one) => one.version === version);
    if (found !== undefined) return found;
    throw new AwsError(
      "ResourceNotFoundException",
      `Function not found: ${arn(world, "lambda", `function:${name}`)}${version === "$LATEST" ? "" : `:${version}`}`,
      { status: 404 },
    );
  }

  /** The handler's answer, or a timeout when its time is up first. */
  async function run(
    fn: FunctionVersion,
    payload: string,
    requestId: string,
    signal: AbortSignal | undefined,
    onLine: (line: string) => void,
  ): Promise<InvocationResult> {
    const milliseconds = fn.timeoutSeconds * 1000;
    const over = new AbortController();
    const signals = [over.signal, ...(signal === undefined ? [] : [signal])];
    const invocation = { requestId, deadline: world.clock.now() + milliseconds, onLine };
    const timeout = sleep(world.clock, milliseconds, over.signal).then(
      (): InvocationResult => ({
        functionError: "Unhandled",
        payload: JSON.stringify({
          errorType: "Sandbox.Timedout",
          errorMessage: `RequestId: ${requestId} Error: Task timed out after ${fn.timeoutSeconds.toFixed(2)} seconds`,
        }),
      }),
      () => new Promise<InvocationResult>(() => {}),
    );
    try {
      return await Promise.race([
        deps.runner.invoke(fn, payload, invocation, AbortSignal.any(signals)),
        timeout,
      ]);
    } finally {
      over.abort();
    }
  }

  const invoke: InvokeFunction = async (functionName, payload, signal) => {
    const fn = find(functionName);
    const requestId = uuid(world.random);
    const begun = world.clock.now();
    const stream = `${new Date(begun).toISOString().slice(0, 10).replaceAll("-", "/")}/[${fn.version}]`;
    const write = (line: string) => deps.logs.write(`/aws/lambda/${fn.name}`, stream, line);
    write(`START RequestId: ${requestId} Version: ${fn.version}`);
    const result = await run(fn, payload, requestId, signal, write);
    const duration = world.clock.now() - begun;
    if (result.functionError !== undefined)
      write(`ERROR RequestId: ${requestId} ${result.payload.slice(0, 2000)}`);
    write(`END RequestId: ${requestId}`);
    write(
      `REPORT RequestId: ${requestId} Duration: ${duration.toFixed(2)} ms Memory Size: ${fn.memoryMegabytes} MB`,
    );
    return { ...result, executedVersion: fn.version };
  };

  return {
    /** Publishes the next version of a function. @returns its versioned ARN. */
    publish(settings: FunctionSettings): string {
      const versions = functions.get(settings.name) ?? [];
      const version = String(versions.length + 1);
      const published = {
        ...settings,
        version,
        arn: arn(world, "lambda", `function:${settings.name}:${version}`),
      };
      functions.set(settings.name, [...versions, published]);
      return published.arn;
    },
    invoke,
    /** Every function's newest version. */
    list: (): FunctionVersion[] => [...functions.values()].flatMap((versions) => versions.at(-1) ?? []),
    stop: () => deps.runner.stop(),
  };
}
