import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type GroupProcess, startProcess } from "../process.ts";
import { uuid, type World } from "../world.ts";
import type { FunctionRunner, FunctionVersion, Invocation, InvocationResult } from "./function.ts";

/** One process of a function; it runs one invocation at a time. */
interface Sandbox {
  readonly id: string;
  readonly fn: FunctionVersion;
  readonly process: GroupProcess;
  /** The answer to its `invocation/next` that waits for work. */
  waiting: ServerResponse | undefined;
  work:
    | {
        readonly payload: string;
        readonly invocation: Invocation;
        readonly settle: (result: InvocationResult) => void;
      }
    | undefined;
  cancelIdle: () => void;
}

const idleMilliseconds = 5 * 60_000;

/**
 * Runs functions as child processes over Lambda's Runtime API (2018-06-01): one process for each concurrent
 * invocation, kept warm for five minutes, with exactly the environment that a function has in AWS.
 */
export async function createChildFunctionRunner(
  world: World,
): Promise<FunctionRunner & { prewarm(fn: FunctionVersion): void }> {
  const sandboxes = new Map<string, Sandbox>();
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const port = await listen(server);

  function start(fn: FunctionVersion): Sandbox {
    const id = uuid(world.random);
    const child = startProcess(world.clock, {
      command: process.execPath,
      arguments: [join(import.meta.dirname, "bootstrap.mjs")],
      folder: world.folder,
      environment: {
        ...reserved(fn, `127.0.0.1:${port}/${id}`),
        AWS_ENDPOINT_URL: world.endpoint(),
        SPILLWAY_BUNDLE: fn.bundle,
        SPILLWAY_COMPILE_CACHE: join(world.folder, "compile-cache"),
        ...fn.environment,
      },
      onLine: (line) => sandbox.work?.invocation.onLine(line),
    });
    const sandbox: Sandbox = {
      id,
      fn,
      process: child,
      waiting: undefined,
      work: undefined,
      cancelIdle: () => {},
    };
    sandboxes.set(id, sandbox);
    const gone = (how: string) => {
      sandboxes.delete(id);
      sandbox.cancelIdle();
      finish(
        sandbox,
        failure(
          "Runtime.ExitError",
          `RequestId: ${sandbox.work?.invocation.requestId} Error: Runtime exited ${how}`,
        ),
      );
    };
    child.exited.then(
      ({ code, signal }) =>
        gone(signal === null ? `with error: exit status ${code}` : `with signal: ${signal}`),
      (error: Error) => gone(`because it never started: ${error.message}`),
    );
    return sandbox;
  }

  function finish(sandbox: Sandbox, result: InvocationResult): void {
    const { work } = sandbox;
    sandbox.work = undefined;
    work?.settle(result);
  }

  function hand(sandbox: Sandbox): void {
    const { waiting, work } = sandbox;
    if (waiting === undefined || work === undefined) return;
    sandbox.waiting = undefined;
    waiting.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": work.invocation.requestId,
      "lambda-runtime-deadline-ms": String(work.invocation.deadline),
      "lambda-runtime-invoked-function-arn": sandbox.fn.arn,
    });
    waiting.end(work.payload);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = "", , , ...path] = (request.url ?? "").split("/");
    const sandbox = sandboxes.get(id);
    if (sandbox === undefined) return void response.writeHead(404).end();
    const place = path.join("/");
    if (request.method === "GET" && place === "invocation/next") {
      sandbox.waiting = response;
      sandbox.cancelIdle = world.clock.after(idleMilliseconds, () => {
        if (sandbox.work === undefined) void sandbox.process.stop(1000);
      });
      return hand(sandbox);
    }
    const body = await text(request);
    response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
    if (place === "init/error") return finish(sandbox, { functionError: "Unhandled", payload: body });
    // An answer to an earlier invocation, which timed out, must not be taken for this one's.
    if (path[1] !== sandbox.work?.invocation.requestId) return;
    if (path[2] === "response") finish(sandbox, { payload: body });
    if (path[2] === "error") finish(sandbox, { functionError: "Unhandled", payload: body });
  }

  return {
    prewarm(fn) {
      if (![...sandboxes.values()].some((sandbox) => sandbox.fn === fn)) start(fn);
    },
    invoke(fn, payload, invocation, signal) {
      const free = [...sandboxes.values()].find((one) => one.fn === fn && one.work === undefined);
      const sandbox = free ?? start(fn);
      sandbox.cancelIdle();
      return new Promise((resolve) => {
        // Its time is up, or nobody waits: what it still does must not be seen, so the process ends.
        const onAbort = () => {
          if (sandbox.work?.invocation === invocation) void sandbox.process.stop(0);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        sandbox.work = {
          payload,
          invocation,
          settle: (result) => {
            signal.removeEventListener("abort", onAbort);
            resolve(result);
          },
        };
        hand(sandbox);
      });
    },
    async stop() {
      await Promise.all([...sandboxes.values()].map((sandbox) => sandbox.process.stop(500)));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function failure(errorType: string, errorMessage: string): InvocationResult {
  return { functionError: "Unhandled", payload: JSON.stringify({ errorType, errorMessage }) };
}

/** The variables that Lambda itself gives a function; the credentials mean nothing. */
function reserved(fn: FunctionVersion, api: string): Record<string, string> {
  const region = fn.arn.split(":")[3] ?? "";
  return {
    AWS_LAMBDA_RUNTIME_API: api,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: fn.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMegabytes),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_EC2_METADATA_DISABLED: "true",
    TZ: ":UTC",
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
