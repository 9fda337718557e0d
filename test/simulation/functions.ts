import { join, resolve } from "node:path";
import type { Context } from "aws-lambda";
import { createHandler, type Place } from "../../functions/middleware.ts";
import type { Application } from "../../infra/application.ts";
import type { FunctionRunner } from "../../local/lambda/function.ts";
import type { Turns } from "./turns.ts";

const root = resolve(import.meta.dirname, "../..");

type Handler = ReturnType<typeof createHandler>;

/** The handlers of an application by the names of their functions, working in a place. */
export async function loadHandlers(
  { functions }: Application,
  prefix: string,
  place: Place,
): Promise<ReadonlyMap<string, Handler>> {
  const handlers = new Map<string, Handler>();
  for (const { name, file } of functions) {
    const module = await import(join(root, file));
    const definition = module[name.charAt(0).toLowerCase() + name.slice(1)];
    handlers.set(`${prefix}-${name}`, createHandler(definition, place));
  }
  return handlers;
}

/** Runs the handlers in this process; each computes in no time. */
export function createFunctions(handlers: () => ReadonlyMap<string, Handler>, turns: Turns): FunctionRunner {
  return {
    stop: async () => {},
    async invoke(fn, payload, { requestId }) {
      const handler = handlers().get(fn.name);
      if (handler === undefined) throw new Error(`no function ${fn.name}`);
      const context = contextOf(fn.name, fn.arn, requestId);
      try {
        const answer = await turns.run(fn.name, async () => handler(JSON.parse(payload), context));
        return { payload: JSON.stringify(answer ?? null) };
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const said = { errorType: name, errorMessage: message, trace: [] };
        return { functionError: "Unhandled", payload: JSON.stringify(said) };
      }
    },
  };
}

function contextOf(functionName: string, invokedFunctionArn: string, awsRequestId: string): Context {
  return {
    awsRequestId,
    functionName,
    invokedFunctionArn,
    functionVersion: "1",
    memoryLimitInMB: "512",
    logGroupName: "",
    logStreamName: "",
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => 60_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
