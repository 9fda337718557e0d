import { join, resolve } from "node:path";
import type { Context } from "aws-lambda";
import { Approval } from "../../core/approval.ts";
import { AuditEntry } from "../../core/audit.ts";
import * as records from "../../core/records.ts";
import { Wait } from "../../core/wait.ts";
import { createHandler, type Place } from "../../functions/middleware.ts";
import type { Application } from "../../infra/application.ts";
import type { FunctionRunner, FunctionVersion } from "../../local/lambda/function.ts";
import { compile } from "./compile.ts";
import type { Invocations } from "./invocations.ts";
import type { Turns } from "./turns.ts";

// What functions read most.
for (const read of [...Object.values(records), Approval, AuditEntry, Wait]) compile(read);

const root = resolve(import.meta.dirname, "../..");

type Handler = (event: unknown, context: Context) => Promise<unknown>;

async function load(name: string, file: string) {
  const { [name.charAt(0).toLowerCase() + name.slice(1)]: definition } = await import(join(root, file));
  compile(definition.input);
  return definition;
}

/** Node takes long to find even a module that is loaded. */
const loaded = new Map<string, ReturnType<typeof load>>();

function definitionOf(name: string, file: string): ReturnType<typeof load> {
  const definition = loaded.get(name) ?? load(name, file);
  loaded.set(name, definition);
  return definition;
}

/** The handlers of an application by their files, which stand for bundles, each working in a place of its own. */
export async function loadHandlers(
  { functions, removal }: Application,
  placeOf: (functionName: string) => Place,
): Promise<Map<string, Handler>> {
  const handlers = new Map<string, Handler>();
  for (const { name, file } of functions) {
    const definition = await definitionOf(name, file);
    // Who removes an installation comes when all is over: its keys are made then, and change no world before.
    const place = name === removal?.function ? undefined : placeOf(name);
    let handler: Handler | undefined;
    handlers.set(file, async (event, context) => {
      // Few worlds invoke all of them, and their loggers take long to make.
      handler ??= createHandler(definition, place ?? placeOf(name));
      return handler(event, context);
    });
  }
  return handlers;
}

/** Function → what it answers instead of what it answers today. */
export type OtherAnswers = Readonly<Record<string, (answer: Answer) => object>>;
type Answer = Readonly<Record<string, unknown>>;

/**
 * Adds bundles whose functions answer otherwise.
 * @returns function file → the bundle to be published for it.
 */
export function addBundles(
  handlers: Map<string, Handler>,
  { functions }: Application,
  version: string,
  answers: OtherAnswers,
): ReadonlyMap<string, string> {
  return new Map(
    functions.map(({ name, file }) => {
      const bundle = `${file}@${version}`;
      const handler = handlers.get(file);
      if (handler === undefined) throw new Error(`no handler for ${file}`);
      const change = answers[name] ?? ((answer: Answer) => answer);
      handlers.set(bundle, async (event, context) => change(Object(await handler(event, context))));
      return [file, bundle];
    }),
  );
}

/** Runs the handler of a version's bundle in this process; each computes in no time. */
export function createFunctions(
  handlers: () => ReadonlyMap<string, Handler>,
  turns: Turns,
  invocations: Invocations,
  before: (name: string) => Promise<void>,
): FunctionRunner {
  return {
    stop: async () => {},
    async invoke(fn, payload, { requestId }, timeUp) {
      const handler = handlers().get(fn.bundle);
      if (handler === undefined) throw new Error(`no bundle ${fn.bundle}`);
      const context = contextOf(fn, requestId);
      const event: unknown = JSON.parse(payload);
      const name = fn.name.split("-").at(-1) ?? "";
      await before(fn.name);
      return invocations.run({ name, event, timeUp }, async () => {
        try {
          const answer = await turns.run(fn.name, () => handler(event, context));
          return { payload: JSON.stringify(answer ?? null) };
        } catch (error) {
          const { name: errorType, message } = error instanceof Error ? error : new Error(String(error));
          const said = { errorType, errorMessage: message, trace: [] };
          return { functionError: "Unhandled", payload: JSON.stringify(said) };
        }
      });
    },
  };
}

function contextOf({ name, arn, version }: FunctionVersion, awsRequestId: string): Context {
  return {
    awsRequestId,
    functionName: name,
    invokedFunctionArn: arn,
    functionVersion: version,
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
