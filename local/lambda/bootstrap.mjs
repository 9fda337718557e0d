// The runtime of a function's process: fetches invocations from Lambda's Runtime API, runs the bundle's handler,
// and posts the answer. Plain JavaScript, so that a process starts without anything to be compiled.
import { Buffer } from "node:buffer";
import { request } from "node:http";
import { enableCompileCache } from "node:module";
import process from "node:process";

const {
  AWS_LAMBDA_RUNTIME_API: api = "",
  SPILLWAY_BUNDLE: bundle = "",
  SPILLWAY_COMPILE_CACHE: cache,
} = process.env;
delete process.env.SPILLWAY_BUNDLE;
delete process.env.SPILLWAY_COMPILE_CACHE;
if (cache) enableCompileCache(cache);

const base = new URL(`http://${api}/2018-06-01/runtime/`);

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, base), { method }, (incoming) => {
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

let handler;
try {
  ({ handler } = await import(bundle));
  if (typeof handler !== "function") throw new TypeError(`${bundle} exports no handler`);
} catch (error) {
  await call("POST", "init/error", JSON.stringify(describe(error)));
  process.exit(1);
}

for (;;) {
  const { headers, body } = await call("GET", "invocation/next");
  const id = headers["lambda-runtime-aws-request-id"];
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const context = {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: false,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: `/aws/lambda/${process.env.AWS_LAMBDA_FUNCTION_NAME}`,
    logStreamName: "",
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    const answer = await handler(JSON.parse(body), context);
    await call("POST", `invocation/${id}/response`, JSON.stringify(answer ?? null));
  } catch (error) {
    await call("POST", `invocation/${id}/error`, JSON.stringify(describe(error)));
  }
}
