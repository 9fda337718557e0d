// The runtime of a function's process: fetches invocations from Lambda's Runtime API (version 2018-06-01), runs the
// bundle's handler and posts the answer. Plain JavaScript and few imports, because a process starts with it.
import { request } from "node:http";
import { enableCompileCache, flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { format } from "node:util";

const { AWS_LAMBDA_RUNTIME_API: api, SPILLWAY_BUNDLE: bundle, SPILLWAY_COMPILE_CACHE: cache } = process.env;
delete process.env.SPILLWAY_BUNDLE;
delete process.env.SPILLWAY_COMPILE_CACHE;
enableCompileCache(cache);

// Descriptor 3 closes when the local AWS ends, however it ends: then nothing of it may live on.
new Socket({ fd: 3 })
  .on("close", () => process.exit(1))
  .on("error", () => process.exit(1))
  .resume()
  .unref();

const [authority, ...prefix] = api.split("/");
const [hostname, port] = authority.split(":");
const basePath = `/${[...prefix, "2018-06-01", "runtime"].join("/")}`;

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path: `${basePath}/${path}` }, (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("end", () =>
        resolve({ headers: incoming.headers, body: Buffer.concat(chunks).toString() }),
      );
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
}

let requestId = "";

// As AWS's Node runtime writes them: time, request, level, text, and one line for each call.
for (const [method, level] of Object.entries({
  debug: "DEBUG",
  info: "INFO",
  log: "INFO",
  warn: "WARN",
  error: "ERROR",
})) {
  console[method] = (...words) => {
    const text = format(...words).replaceAll("\n", "\r");
    process.stdout.write(`${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${text}\n`);
  };
}

async function fail(errorType, error) {
  const described = { ...describe(error), ...(errorType ? { errorType } : {}) };
  const where = requestId === "" ? "init/error" : `invocation/${requestId}/error`;
  console.error(errorType ?? "Invoke Error", JSON.stringify(described));
  await call("POST", where, JSON.stringify(described));
}

function failAndExit(errorType, error) {
  fail(errorType, error).finally(() => process.exit(129));
}

process.on("uncaughtException", (error) => failAndExit(undefined, error));
process.on("unhandledRejection", (error) => failAndExit("Runtime.UnhandledPromiseRejection", error));

async function load() {
  const { handler } = await import(bundle).catch((error) => {
    throw Object.assign(error, {
      initType: error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : "Runtime.ImportModuleError",
    });
  });
  if (typeof handler !== "function") {
    throw Object.assign(new Error("index.handler is undefined or not exported"), {
      initType: "Runtime.HandlerNotFound",
    });
  }
  if (handler.length >= 3) {
    throw Object.assign(
      new Error("Node.js 24 has no callback-based handlers: return a promise instead of calling a callback."),
      { initType: "Runtime.CallbackHandlerDeprecated" },
    );
  }
  return handler;
}

let handler;
try {
  handler = await load();
} catch (error) {
  await fail(error?.initType, error);
  process.exit(1);
}

// A process that is killed would not write what it compiled for those that come after it.
flushCompileCache();

const { AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_FUNCTION_MEMORY_SIZE } =
  process.env;

for (;;) {
  const { headers, body } = await call("GET", "invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const traceId = headers["lambda-runtime-trace-id"];
  if (traceId) process.env._X_AMZN_TRACE_ID = traceId;
  try {
    const answer = await handler(JSON.parse(body), {
      awsRequestId: requestId,
      callbackWaitsForEmptyEventLoop: true,
      functionName: AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
      memoryLimitInMB: AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: `/aws/lambda/${AWS_LAMBDA_FUNCTION_NAME}`,
      logStreamName: headers["spillway-log-stream"],
      getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
    });
    await call("POST", `invocation/${requestId}/response`, JSON.stringify(answer ?? null));
  } catch (error) {
    await fail(undefined, error);
  }
}
